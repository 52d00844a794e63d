"""What every pod is allowed, and what it must say: restricted Pod Security, probes, resources.

Checks of kube-linter and kube-score that matter are restated here, each under its own name.
"""

import re
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from chassis.health import NOT_FOR_TRAFFIC
from chassis.shutdown import DEADLINE_SECONDS
from loop import main
from rendered import (
    CHART,
    JOBS,
    NAMES,
    Object,
    Renders,
    component,
    containers,
    named,
    of_kind,
    pods,
    table,
)
from sixfold.main import app

CLAIM = "/var/lib/sixfold"
RESTRICTED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


def everything(renders: Renders, name: str) -> list[tuple[str, Object, Object]]:
    """List each pod's template with its owner and a name for messages."""
    found = [(named(owner), owner, template) for owner, template in pods(renders.of(name))]
    assert len(found) > 20
    return found


@pytest.mark.parametrize("name", NAMES)
def test_pod_security_restricted(renders: Renders, name: str) -> None:
    """A namespace that enforces `restricted` would refuse a pod (the standard, rule by rule)."""
    for where, _, template in everything(renders, name):
        spec = template["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), where
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", where
        for volume in spec["volumes"]:
            assert volume.keys() - {"name"} <= RESTRICTED_VOLUMES, where
        for each in containers(template):
            context = each["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, where
            assert context["privileged"] is False, where
            assert context["runAsNonRoot"] is True, where
            assert context["capabilities"] == {"drop": ["ALL"]}, where
            assert context["readOnlyRootFilesystem"] is True, where
            assert not any("hostPort" in port for port in each.get("ports", ()))


@pytest.mark.parametrize("name", NAMES)
def test_user_and_group(renders: Renders, name: str) -> None:
    """A file of the node could belong to the pod's user, or OpenShift would refuse the number."""
    for where, _, template in everything(renders, name):
        contexts = [template["spec"]["securityContext"]]
        contexts += [each["securityContext"] for each in containers(template)]
        ids = {context.get(key) for context in contexts for key in ("runAsUser", "runAsGroup")}
        ids.add(contexts[0].get("fsGroup"))
        assert ids == ({None} if name == "openshift" else {10001}), where


@pytest.mark.parametrize("name", NAMES)
def test_no_token_and_an_account_of_its_own(renders: Renders, name: str) -> None:
    """An intruder could speak with the cluster (kube-linter: default-service-account)."""
    accounts = {each["metadata"]["name"] for each in of_kind(renders.of(name), "ServiceAccount")}
    for each in of_kind(renders.of(name), "ServiceAccount"):
        assert each["automountServiceAccountToken"] is False
    for where, _, template in everything(renders, name):
        assert template["spec"]["automountServiceAccountToken"] is False, where
        assert template["spec"]["enableServiceLinks"] is False, where
        assert template["spec"]["serviceAccountName"] in accounts, where


@pytest.mark.parametrize("name", NAMES)
def test_only_tmp_and_the_facts_can_be_written(renders: Renders, name: str) -> None:
    """An intruder could leave a program where it is run."""
    for where, owner, template in everything(renders, name):
        volumes = {each["name"]: each for each in template["spec"]["volumes"]}
        for each in containers(template):
            mounts = {mount["mountPath"]: mount for mount in each["volumeMounts"]}
            open_paths = {path for path, mount in mounts.items() if not mount.get("readOnly")}
            if owner["kind"] == "StatefulSet":  # the pair for trials
                continue
            wanted = {"/tmp", CLAIM} if component(owner) == "loop-loop" else {"/tmp"}  # noqa: S108
            assert open_paths == wanted, where
            assert volumes["tmp"]["emptyDir"]["sizeLimit"], where


@pytest.mark.parametrize("name", NAMES)
def test_requests_and_limits(renders: Renders, name: str) -> None:
    """One pod could eat its node.

    kube-linter: unset-cpu-requirements, unset-memory-requirements;
    kube-score: container-resources, container-ephemeral-storage-request-and-limit.
    """
    for where, _, template in everything(renders, name):
        for each in containers(template):
            for kind in ("requests", "limits"):
                assert each["resources"][kind].keys() == {"cpu", "memory", "ephemeral-storage"}, (
                    where
                )


@pytest.mark.parametrize("name", NAMES)
def test_three_probes_with_three_meanings(renders: Renders, name: str) -> None:
    """A broker that is away would restart every process, or take every answer away.

    kube-linter: no-liveness-probe, no-readiness-probe; kube-score: pod-probes-identical.
    """
    wanted = {"startupProbe": "/startupz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
    excluded = {"worker": NOT_FOR_TRAFFIC, "loop": main.NOT_FOR_TRAFFIC}
    seen = 0
    for where, owner, template in everything(renders, name):
        container = template["spec"]["containers"][0]
        if owner["kind"] != "Deployment":
            if owner["kind"].endswith("Job"):
                assert not wanted.keys() & container.keys(), where
            continue
        asked = {probe: container[probe]["httpGet"] for probe in wanted}
        paths = {probe: urlsplit(get["path"]) for probe, get in asked.items()}
        assert {probe: path.path for probe, path in paths.items()} == wanted
        assert {get["port"] for get in asked.values()} == {"ops"}
        left_out = parse_qs(paths["readinessProbe"].query).get("exclude", [])
        assert tuple(left_out) == excluded.get(component(owner).rpartition("-")[2], ()), where
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["ops"] == 9464, where
        assert ("http" in ports) == component(owner).endswith(("-worker", "-loop")), where
        # Longer than the answer may take, or a slow broker would look like a dead process.
        assert container["readinessProbe"]["timeoutSeconds"] > 8
        seen += 1
    assert seen == 13


@pytest.mark.parametrize("name", NAMES)
def test_the_grace_is_longer_than_the_drain(renders: Renders, name: str) -> None:
    """A pod would be killed in the middle of what it had taken."""
    for where, owner, template in everything(renders, name):
        spec = template["spec"]
        waits = 0
        if hook := spec["containers"][0].get("lifecycle"):
            program = hook["preStop"]["exec"]["command"]
            assert program[:2] == ["python", "-c"]  # the image has no shell's sleep to count on
            waits = int(re.findall(r"sleep\((\d+)\)", program[2])[0])
            assert waits >= 1
        assert spec["terminationGracePeriodSeconds"] > waits + DEADLINE_SECONDS, where
        if owner["kind"] == "Deployment" and component(owner).endswith("-worker"):
            assert waits, where


@pytest.mark.parametrize("name", NAMES)
def test_one_falls_and_the_other_goes_on(renders: Renders, name: str) -> None:
    """A node's upgrade would stop a service.

    kube-linter: no-anti-affinity, pdb-max-unavailable;
    kube-score: deployment-has-host-podantiaffinity, deployment-has-poddisruptionbudget.
    """
    objects = renders.of(name)
    budgets = {component(each) for each in of_kind(objects, "PodDisruptionBudget")}
    scaled = {
        component(each) for each in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject")
    }
    for each in of_kind(objects, "Deployment"):
        spec = each["spec"]["template"]["spec"]
        keys = {spread["topologyKey"] for spread in spec["topologySpreadConstraints"]}
        assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert spec["affinity"]["podAntiAffinity"]
        many = component(each) in scaled or each["spec"]["replicas"] > 1
        assert (component(each) in budgets) == many, named(each)
        # kube-score: deployment-replicas-with-hpa; a number here would undo the autoscaler's.
        assert ("replicas" in each["spec"]) != (component(each) in scaled), named(each)
    for each in of_kind(objects, "PodDisruptionBudget"):
        assert each["spec"]["maxUnavailable"] == 1
        assert each["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_loop_is_never_two(renders: Renders) -> None:
    """Two processes would open one DuckDB file, and the second would not start."""
    for name in NAMES:
        (loop,) = [
            each
            for each in of_kind(renders.of(name), "Deployment")
            if component(each) == "loop-loop"
        ]
        assert loop["spec"]["replicas"] == 1
        assert loop["spec"]["strategy"] == {"type": "Recreate"}


def test_a_stuck_leader_can_be_replaced(renders: Renders) -> None:
    """A restart would wait for ever for a new pod to be ready, which needs the old one's lock."""
    strategies = {
        component(each).rpartition("-")[2]: each["spec"]["strategy"].get("rollingUpdate")
        for each in of_kind(renders.of("defaults"), "Deployment")
    }
    at_once, one_by_one = ({"maxUnavailable": most, "maxSurge": 1} for most in ("100%", 0))
    assert strategies == {
        "worker": one_by_one,
        "publisher": at_once,
        "projector": at_once,
        "loop": None,
    }


def test_the_publisher_and_the_projector_stand_twice_in_production(renders: Renders) -> None:
    """Nothing would be published until a dead process's pod is started again elsewhere."""
    for name in ("defaults", "ha"):
        for each in of_kind(renders.of(name), "Deployment"):
            if component(each).endswith(("-publisher", "-projector")):
                assert each["spec"]["replicas"] == 2


@pytest.mark.parametrize("name", NAMES)
def test_selectors_match_and_choose_one_component(renders: Renders, name: str) -> None:
    """A Service would send to another one's pods.

    kube-linter: dangling-service, mismatching-selector; kube-score: service-targets-pod.
    """
    objects = renders.of(name)
    told = [
        (where, owner, t["metadata"]["labels"]) for where, owner, t in everything(renders, name)
    ]
    for _, owner, labels in told:
        if not owner["kind"].endswith("Job"):
            assert owner["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for each in of_kind(objects, "Service", "PodDisruptionBudget"):
        selector = each["spec"]["selector"]
        selector = selector.get("matchLabels", selector)
        chosen = {where for where, _, labels in told if selector.items() <= labels.items()}
        if each["metadata"]["name"] == "sixfold-ops":
            assert len(chosen) == 13
        else:
            assert len(chosen) == 1, named(each)


@pytest.mark.parametrize("name", NAMES)
def test_jobs_end_and_come_in_order(renders: Renders, name: str) -> None:
    """A service would start before its schema (kube-linter: job-ttl-seconds-after-finished)."""
    jobs = of_kind(renders.of(name), "Job")
    assert len(jobs) == 5 + 5 + 1
    weights: dict[str, set[int]] = {}
    for job in jobs:
        spec = job["spec"]
        assert 60 <= spec["activeDeadlineSeconds"] <= 900
        assert spec["template"]["spec"]["restartPolicy"] == "Never"
        role, service = spec["template"]["spec"]["containers"][0]["args"]
        assert component(job) == role if "," in service else f"{service}-{role}"
        if hook := job["metadata"].get("annotations"):
            assert hook["helm.sh/hook"] == "pre-install,pre-upgrade"
            weights.setdefault(role, set()).add(int(hook["helm.sh/hook-weight"]))
            assert spec["ttlSecondsAfterFinished"]
        else:  # cannot be changed, so another image has another name
            assert "ttlSecondsAfterFinished" not in spec  # Argo CD would run it again each day
            assert re.search(r"-[0-9a-f]{8}$", job["metadata"]["name"])
    if weights:
        order = [weights[role] for role in JOBS]
        assert all(max(before) < min(after) for before, after in pairwise(order))
        first = of_kind(renders.of(name), "ServiceAccount", "ConfigMap")
        hooked = [
            each for each in first if "helm.sh/hook" in str(each["metadata"].get("annotations"))
        ]
        assert {each["metadata"]["name"] for each in hooked} == {
            "sixfold-jobs",
            "sixfold-job-roles",
        }


def test_what_hooks_need_goes_with_them(renders: Renders) -> None:
    """The mode `job` would find objects that no release owns, and an uninstallation leave them."""
    policies = {
        named(each): (each["kind"] == "Job", hook["helm.sh/hook-delete-policy"])
        for each in renders.of("defaults")
        if "helm.sh/hook" in (hook := each["metadata"].get("annotations", {}))
    }
    assert {name.partition("/")[0] for name in policies} == {
        "Job",
        "ServiceAccount",
        "ConfigMap",
        "NetworkPolicy",
    }
    assert set(policies.values()) == {
        (True, "before-hook-creation"),  # its log is still to be read
        (False, "before-hook-creation,hook-succeeded"),
    }


def test_backups_are_made_when_they_are_wanted(renders: Renders) -> None:
    """Two runs would write one place at once, or nothing would ever be backed up."""
    assert not of_kind(renders.of("defaults"), "CronJob")
    told = {component(each): each for each in of_kind(renders.of("ha"), "CronJob")}
    assert told.keys() == table("backups").keys()
    for each in told.values():
        assert each["spec"]["concurrencyPolicy"] == "Forbid"
        job = each["spec"]["jobTemplate"]["spec"]
        (container,) = job["template"]["spec"]["containers"]
        assert container["command"] == ["sixfold"]
        assert CliRunner().invoke(app, [*container["args"], "--help"]).exit_code == 0
    without = renders.render(
        {"backup": {"enabled": True, "schedules": {"backup-create": "0 1 * * *"}}}
    )
    crons = {component(each): each for each in of_kind(without.objects, "CronJob")}
    assert crons.keys() == table("backups").keys() - {"backup-drill"}
    assert crons["backup-create"]["spec"]["schedule"] == "0 1 * * *"


def test_alerts_look_at_the_jobs_that_there_are(renders: Renders) -> None:
    """A copy of keys that fails every night would be nobody's alert, a weekly drill everybody's."""
    crons = {named(each).rpartition("/")[2] for each in of_kind(renders.of("ha"), "CronJob")}
    rules = (CHART / "rules/backups.yaml").read_text()
    asked = set(re.findall(r'cronjob=~"([^"]+)"', rules))
    found = {one: {name for name in crons if re.fullmatch(one, name)} for one in asked}
    assert found == {
        ".*sixfold.*backup-create": {"sixfold-backup-create"},
        ".*sixfold.*backup-keys-create": {"sixfold-backup-keys-create"},
        ".*sixfold.*backup-drill": {"sixfold-backup-drill"},
        ".*sixfold.*(backup-.*|log-archive)": crons,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"broker": {"tls": {"existingSecret": "broker-tls"}}},
        {"settings": {"LOG_LEVEL": "DEBUG"}},
        {"terminationGracePeriodSeconds": 60},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_job_that_changes_gets_another_name(renders: Renders, change: Object) -> None:
    """The API server refuses to change a Job: no upgrade would go through."""
    jobs = [
        {component(each): each for each in of_kind(renders.render(values).objects, "Job")}
        for values in ({"migrations": {"mode": "job"}}, {"migrations": {"mode": "job"}, **change})
    ]
    before, after = jobs
    changed = {name for name in before if before[name]["spec"] != after[name]["spec"]}
    assert changed
    assert changed == {name for name in before if named(before[name]) != named(after[name])}
