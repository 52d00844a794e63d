"""The jobs that a renewed master key needs."""

import pytest

from rendered import Renders, component, env_of, helm, of_kind, table


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
