"""A process starts with settings that are whole, or says at once all that is wrong."""

import base64
from pathlib import Path

import pytest

from chassis.settings import Settings, SettingsInvalid, from_environment

KEY = base64.b64encode(b"k" * 32).decode()
GOOD = {
    "SERVICE": "commerce",
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql+psycopg2://app:pass-db@db/commerce",
    "KEYS_URL": "postgresql+psycopg2://app:pass-keys@db/commerce_keys",
    "AMQP_URI": "amqp://app:pass-mq@mq/sixfold",
    "SECRET": KEY,
    "MASTER_KEY": KEY,
    "ISSUER": "https://issuer.test",
    "AUDIENCE": "sixfold",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def problems() -> str:
    with pytest.raises(SettingsInvalid) as refused:
        from_environment()
    return str(refused.value)


@pytest.mark.usefixtures("environment")
def test_the_required_ones_are_enough() -> None:
    """An operator need not set what has a sensible default."""
    settings = from_environment()

    assert (settings.service, settings.production) == ("commerce", True)
    assert (settings.secret, settings.master_key) == (b"k" * 32, b"k" * 32)
    assert (settings.feeds, settings.clock_file) == ({}, None)
    assert settings.retry_seconds == (1, 5, 30, 120, 600)


def test_every_optional_one_is_read(environment: pytest.MonkeyPatch) -> None:
    """What an operator sets is what the process uses."""
    environment.setenv("ENVIRONMENT", "test")
    environment.setenv("HTTP_HOST", "::1")
    environment.setenv("HTTP_PORT", "8123")
    environment.setenv("CLOCK_FILE", "/run/clock")
    environment.setenv("FEEDS", "identity=http://identity:8000/, loop=http://loop:8000")
    environment.setenv("SERVICE_TOKEN", "opaque")
    environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/")
    environment.setenv("SPAN_FILE", "/run/spans")
    environment.setenv("LOG_LEVEL", "debug")
    environment.setenv("RETRY_SECONDS", "0.5,2")
    environment.setenv("TAIL_POLL_SECONDS", "0.05")
    environment.setenv("LAG_LIMIT", "7")

    settings = from_environment()

    assert (settings.http_host, settings.http_port) == ("::1", 8123)
    assert (settings.clock_file, settings.span_file) == (Path("/run/clock"), Path("/run/spans"))
    assert settings.feeds == {"identity": "http://identity:8000", "loop": "http://loop:8000"}
    assert settings.otel_exporter_otlp_endpoint == "http://collector:4318"
    assert (settings.log_level, settings.retry_seconds) == ("DEBUG", (0.5, 2))
    assert (settings.tail_poll_seconds, settings.lag_limit) == (0.05, 7)
    assert settings.feed_poll_seconds == 5


@pytest.mark.usefixtures("environment")
def test_one_role_does_for_all_unless_there_are_three() -> None:
    """A small installation would have to name its only database three times."""
    settings = from_environment()

    assert settings.system_url == GOOD["DATABASE_URL"]
    assert settings.owner_urls == (GOOD["DATABASE_URL"], GOOD["KEYS_URL"])
    assert settings.role_names == "sixfold_commerce"


def test_each_role_has_its_own_address(environment: pytest.MonkeyPatch) -> None:
    """Migrations would run with rights that the application should not have."""
    for name in ("SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL", "MIGRATION_KEYS_URL"):
        environment.setenv(name, f"postgresql://{name.lower()}@db/commerce")
    environment.setenv("DATABASE_ROLES", "shop")

    settings = from_environment()

    assert settings.system_url == "postgresql://system_database_url@db/commerce"
    assert settings.owner_urls == (
        "postgresql://migration_database_url@db/commerce",
        "postgresql://migration_keys_url@db/commerce",
    )
    assert settings.role_names == "shop"
    assert "@" not in repr(settings)


def test_all_problems_are_told_at_once(environment: pytest.MonkeyPatch) -> None:
    """An operator fixes a new installation in one round, not in ten."""
    for name in ("SECRET", "AUDIENCE"):
        environment.delenv(name)
    environment.setenv("AMQP_URI", "http://mq")
    environment.setenv("HTTP_PORT", "many")
    environment.setenv("FEEDS", "identity")
    environment.setenv("RETRY_SECONDS", "1,-1")
    environment.setenv("CLOCK_FILE", "/run/clock")

    told = problems()

    for name in ("SECRET", "AUDIENCE", "AMQP_URI", "HTTP_PORT", "FEEDS", "RETRY_SECONDS"):
        assert f"{name}: " in told
    assert "CLOCK_FILE: production runs in real time" in told


@pytest.mark.parametrize("name", sorted(GOOD))
def test_nothing_required_has_a_default(environment: pytest.MonkeyPatch, name: str) -> None:
    """No process ever runs with a secret that stands in the source."""
    environment.delenv(name)

    assert f"{name}: " in problems()


@pytest.mark.parametrize("name", sorted(GOOD))
def test_an_empty_value_is_no_value(environment: pytest.MonkeyPatch, name: str) -> None:
    """A forgotten variable in a deployment file is noticed."""
    environment.setenv(name, "")

    assert f"{name}: " in problems()


def test_a_secret_may_come_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Secrets can be mounted, so that they show in no process list."""
    mounted = tmp_path / "amqp"
    mounted.write_text("amqp://app:other@mq/sixfold\n")
    environment.delenv("AMQP_URI")
    environment.setenv("AMQP_URI_FILE", str(mounted))

    assert from_environment().amqp_uri == "amqp://app:other@mq/sixfold"


def test_a_missing_secret_file_is_one_more_problem(environment: pytest.MonkeyPatch) -> None:
    """A wrong mount is named beside everything else that is wrong."""
    environment.setenv("AMQP_URI_FILE", "/nowhere/amqp")
    environment.delenv("ISSUER")

    told = problems()

    assert "AMQP_URI: AMQP_URI_FILE must name a readable text file" in told
    assert "ISSUER: " in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"SECRET": base64.b64encode(b"short").decode()}, "SECRET: must be at least 32 bytes"),
        ({"MASTER_KEY": base64.b64encode(b"k" * 33).decode()}, "MASTER_KEY: must be exactly 32"),
        ({"MASTER_KEY": "!!"}, "MASTER_KEY: is not base64"),
        ({"KEYS_URL": GOOD["DATABASE_URL"]}, "KEYS_URL: must be another database"),
        ({"ISSUER": "http://127.0.0.1/dev"}, "ISSUER: production takes tokens only"),
        ({"FEEDS": "loop=http://loop"}, "SERVICE_TOKEN: FEEDS needs it"),
        ({"HTTP_PORT": "70000"}, "HTTP_PORT: "),
        ({"ENVIRONMENT": "prod"}, "ENVIRONMENT: Must be one of"),
    ],
)
def test_a_wrong_value_is_named(
    environment: pytest.MonkeyPatch, changes: dict[str, str], told: str
) -> None:
    """A dangerous or mistyped setting stops the start and says which."""
    for name, value in changes.items():
        environment.setenv(name, value)

    assert told in problems()


def test_a_problem_never_quotes_the_value(environment: pytest.MonkeyPatch) -> None:
    """A mistyped address does not print its password at start."""
    environment.setenv("DATABASE_URL", "mysql://app:hunter2@db/x")
    environment.setenv("SECRET", "hunter2")

    assert "hunter2" not in problems()


def test_feeds_are_fine_with_a_way_to_obtain_a_token(environment: pytest.MonkeyPatch) -> None:
    """A service may fetch its token instead of being given one."""
    environment.setenv("FEEDS", "loop=http://loop")
    environment.setenv("TOKEN_URL", "https://issuer.test/token")
    environment.setenv("CLIENT_ID", "commerce")
    environment.setenv("CLIENT_SECRET", "hunter2")

    assert from_environment().client_id == "commerce"


def test_repr_shows_no_secret(environment: pytest.MonkeyPatch) -> None:
    """Settings can be logged while looking for a fault."""
    environment.setenv("SERVICE_TOKEN", "hunter2")
    environment.setenv("CLIENT_SECRET", "hunter2")
    settings = from_environment()
    shown = f"{settings!r} {settings}"

    assert "commerce" in shown
    for secret in ("pass-db", "pass-keys", "pass-mq", "kkkk", KEY, "hunter2"):
        assert secret not in shown


def test_settings_cannot_be_changed() -> None:
    """No code path alters what the operator set."""
    settings = Settings(
        service="a",
        environment="test",
        database_url="",
        keys_url="",
        amqp_uri="",
        secret=b"",
        master_key=b"",
        jwks="",
        issuer="",
        audience="",
    )
    with pytest.raises(AttributeError):
        settings.service = "b"  # type: ignore[misc]  # that is what must not work
