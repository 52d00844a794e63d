"""Jobs that run now and then: what a renewed master key needs, and the archive of the logs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chassis.migrations import migrate
from rendered import Renders, component, env_of, helm, of_kind, table
from sixfold.main import app


@pytest.mark.parametrize("mode", ["hook", "job"])
def test_keys_are_wrapped_anew_when_it_is_wanted(renders: Renders, mode: str) -> None:
    """The old master key would be needed for ever: the application may not read every key."""
    wanted = {"migrations": {"mode": mode}, "secrets": {"otherMasterKey": True}}
    objects = renders.render({**wanted, "rewrap": True}).objects
    jobs = {component(each): each for each in of_kind(objects, "Job")}
    assert len(jobs) == 5 + 5 + 1 + 5
    for service in table("services"):
        template = jobs[f"{service}-rewrap"]["spec"]["template"]
        told = env_of(template)
        assert template["spec"]["containers"][0]["args"] == ["rewrap", service]
        assert {
            "MASTER_KEY_FILE",
            "OTHER_MASTER_KEY_FILE",
            "MIGRATION_KEYS_URL_FILE",
        } <= told.keys()
        hook = jobs[f"{service}-rewrap"]["metadata"].get("annotations", {})
        assert hook.get("helm.sh/hook-weight", "10") == "10"  # behind the migrations
    policies = {component(each): each for each in of_kind(objects, "NetworkPolicy")}
    for service in table("services"):
        hooked = policies[f"{service}-rewrap"]["metadata"].get("annotations", {})
        assert ("helm.sh/hook" in hooked) == (mode == "hook")
        ports = {
            port["port"]
            for rule in policies[f"{service}-rewrap"]["spec"]["egress"]
            for port in rule["ports"]
        }
        assert ports == {53, 5432}
    without = of_kind(renders.render(wanted).objects, "Job")
    assert not [each for each in without if component(each).endswith("-rewrap")]
    with pytest.raises(helm.ChartRefused, match="rewrap needs"):
        renders.render({"rewrap": True})


def test_the_archive_is_made_with_what_its_job_is_told(renders: Renders, tmp_path: Path) -> None:
    """Every night it would be refused for lack of a variable, and the guide say that it is made."""
    (cron,) = [
        each for each in of_kind(renders.of("ha"), "CronJob") if component(each) == "log-archive"
    ]
    template = cron["spec"]["jobTemplate"]["spec"]["template"]
    told = env_of(template)
    assert told["SIXFOLD_SEGMENTS"].startswith("s3://")
    assert not {"SECRET_FILE", "MASTER_KEY_FILE"} & told.keys()  # sealed as it is
    databases = {service: f"sqlite:///{tmp_path}/{service}.sqlite" for service in table("services")}
    for service, url in databases.items():
        migrate(url, service)
    (tmp_path / "databases.json").write_text(json.dumps(databases))
    told |= {
        "SIXFOLD_SEGMENTS": str(tmp_path / "segments"),
        "SIXFOLD_DATABASES_FILE": str(tmp_path / "databases.json"),
        "SIXFOLD_STACK": str(tmp_path / "no-stack"),
    }
    done = CliRunner().invoke(app, template["spec"]["containers"][0]["args"], env=told)
    assert done.exit_code == 0, done.output
    assert done.output.count("nothing new; 0 events") == len(databases)
