"""What one process is told from outside: read once, checked whole, never showing a secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from marshmallow import validate

from chassis import rates, setting_texts
from chassis.errors import CannotStart
from chassis.rates import Rate
from chassis.setting_reading import Reading

Environment = Literal["development", "test", "production"]


class SettingsInvalid(CannotStart):
    """The environment does not describe a process that may start.

    Args:
        problems: One line for each thing that is wrong, naming the variable, never its value.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)

    @property
    def reasons(self) -> Sequence[str]:
        """Every problem, one line each."""
        return self.problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything a process of one service needs to know.

    Each field is read from the variable of the same name in capitals, or from the
    file that the variable with ``_FILE`` behind its name points at.

    Args:
        service: Whose process this is.
        environment: ``development``, ``test`` or ``production``.
        database_url: The service's own database: log, read models, checkpoints.  With three roles
            it is the application's, which sees one tenant at a time.
        keys_url: The separate database of the subjects' keys, outside ordinary backups.
        system_database_url: The same database as the role whose batches mix tenants.
        migration_database_url: The same database as its owner; only migrations use it.
        migration_keys_url: The keys' database as its owner.
        database_roles: What the names of the three roles begin with.
        amqp_uri: The broker.
        broker_ca: Whose certificate an ``amqps://`` broker must have; the machine's own
            authorities otherwise.
        broker_certificate: What this process shows to the broker, with its key.
        broker_key: The certificate's key.
        broker_management_url: RabbitMQ's management API with an administrator's name and password:
            for ``topology`` and ``preflight``, never for what keeps running.
        http_ca: Whose certificate feeds, issuer and token endpoint may have besides the machine's
            own authorities.
        secret: Deployment-wide key of every keyed hash (32 bytes or more, in base64).
        master_key: Wraps the subjects' keys (32 bytes, in base64).
        other_master_key: Opens them too: the next one or the one before, while it is renewed.
        jwks: Address or file of the keys that tokens are checked with; found by the issuer's
            discovery document if it is not given.
        issuer: Who must have issued a token.
        audience: For whom a token must have been issued.
        ops_host: Where probes and metrics are answered, apart from the service's own HTTP.
        ops_port: The port of it; without one nothing is served there.
        clock_file: Shared simulated clock; refused in production.
        feeds: Address of each other service's internal feed, ``name=address,...``.
        service_token: What this service shows to those feeds, if it is fixed.
        token_url: Where a service token is obtained otherwise, with the client's id and secret;
            found by the issuer's discovery document if it is not given.
        otel_exporter_otlp_endpoint: Collector for spans and metrics, OTLP over HTTP.
        span_file: Spans are also written here, one JSON object a line.
        retry_seconds: After how long a parked event is tried again, try by try.
        tail_poll_seconds: How often a reader of the own log looks without being woken.
        feed_poll_seconds: How often a subscription asks a feed for the heads of its lanes.
        batch_wait_seconds: How long a subscription waits for more messages after the first: fewer
            and larger transactions, for so much more time on the way.
        lease_seconds: How long a worker's share of a subscription is its own without being
            renewed: so much later another one takes over from a worker that died.
        pool_size: How many database connections are kept open; as many more come under load.
        timer_poll_seconds: How often due timers and due parked events are looked for.
        lag_limit: How many events behind a process may be and still call itself ready.
        drain_seconds: How long requests are still answered after SIGTERM while ``/readyz`` says no:
            so long a load balancer needs to notice.
        erasure_list: Where erasures are listed, outside every backup: a directory or a bucket.
        roles_file: JSON: which scopes a role has, and which roles a group of the issuer has.
        break_glass_keys: Public keys (JWKS) of the credentials for the day the issuer is away.
        claim_tenant: The claim that holds the tenant.
        claim_scope: The claim that holds scopes.
        claim_groups: The claim that holds the issuer's groups.
        claim_roles: The claim that holds roles.
        proxies: How many proxies of ours stand in front and append to X-Forwarded-For.
        rate_subject: Requests of one subject of a tenant, in each process.
        rate_address: Requests from one client's address, in each process.
        rate_sign_in: Sign-ins from one client's address.
        rate_codes: Codes sent to telephones, for one subject and for one address.
        rate_forms: Forms sent from one client's address by visitors without a token.
        quotas: What a tenant may do for whom nobody set anything else, ``name=limit,...``.
    """

    service: str
    environment: Environment
    database_url: str = field(repr=False)
    keys_url: str = field(repr=False)
    amqp_uri: str = field(repr=False)
    secret: bytes = field(repr=False)
    master_key: bytes = field(repr=False)
    issuer: str
    audience: str
    jwks: str | None = None
    other_master_key: bytes | None = field(default=None, repr=False)
    system_database_url: str | None = field(default=None, repr=False)
    migration_database_url: str | None = field(default=None, repr=False)
    migration_keys_url: str | None = field(default=None, repr=False)
    database_roles: str | None = None
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    ops_host: str = "127.0.0.1"
    ops_port: int | None = None
    broker_ca: Path | None = None
    broker_certificate: Path | None = None
    broker_key: Path | None = None
    broker_management_url: str | None = field(default=None, repr=False)
    http_ca: Path | None = None
    clock_file: Path | None = None
    feeds: Mapping[str, str] = field(default_factory=dict, repr=False)
    service_token: str | None = field(default=None, repr=False)
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    otel_exporter_otlp_endpoint: str | None = field(default=None, repr=False)
    span_file: Path | None = None
    log_level: str = "INFO"
    retry_seconds: tuple[float, ...] = (1, 5, 30, 120, 600)
    tail_poll_seconds: float = 0.2
    feed_poll_seconds: float = 5.0
    batch_wait_seconds: float = 0.0
    lease_seconds: float = 6.0
    pool_size: int = 10
    timer_poll_seconds: float = 0.5
    lag_limit: int = 10_000
    drain_seconds: float = 0.0
    erasure_list: str | None = None
    roles_file: Path | None = None
    break_glass_keys: str | None = None
    claim_tenant: str = "tenant"
    claim_scope: str = "scope"
    claim_groups: str = "groups"
    claim_roles: str = "roles"
    proxies: int = 0
    rate_subject: Rate = rates.SUBJECT
    rate_address: Rate = rates.ADDRESS
    rate_sign_in: Rate = rates.SIGN_IN
    rate_codes: Rate = rates.CODES
    rate_forms: Rate = rates.FORMS
    quotas: Mapping[str, int] = field(default_factory=dict)

    @property
    def production(self) -> bool:
        """Say whether real people's data is at stake."""
        return self.environment == "production"

    @property
    def system_url(self) -> str:
        """Where batches that mix tenants are read and written."""
        return self.system_database_url or self.database_url

    @property
    def owner_urls(self) -> tuple[str, str]:
        """The two databases as whoever may change their schema: the service's, the keys'."""
        return (
            self.migration_database_url or self.database_url,
            self.migration_keys_url or self.keys_url,
        )

    @property
    def role_names(self) -> str:
        """What the names of the three database roles begin with."""
        return self.database_roles or f"sixfold_{self.service}"


def from_environment() -> Settings:
    """Read the settings of this process.

    Raises:
        SettingsInvalid: naming every problem at once.
    """
    reading = Reading()
    values = _required(reading) | _optional(reading) | _access(reading)
    given = {name: value for name, value in values.items() if value is not None}
    problems = [*reading.finish(), *contradictions(given)]
    if problems:
        raise SettingsInvalid(problems)
    return Settings(**given)


def contradictions(values: Mapping[str, Any]) -> list[str]:
    """Name what is wrong with values that are each fine alone."""
    obtainable = all(values.get(name) for name in ("client_id", "client_secret"))
    production = values.get("environment") == "production"
    told = [str(values.get(name) or "") for name in ("jwks", "token_url")]
    rules = (
        (
            production and "clock_file" in values,
            "CLOCK_FILE: production runs in real time",
        ),
        (
            production and not str(values.get("issuer", "https://")).startswith("https://"),
            "ISSUER: production takes tokens only from an https:// issuer",
        ),
        (
            "feeds" in values and not values.get("service_token") and not obtainable,
            "SERVICE_TOKEN: FEEDS needs it, or CLIENT_ID and CLIENT_SECRET",
        ),
        (
            production and any(where.startswith("http://") for where in told),
            "JWKS, TOKEN_URL: production asks its issuer only over https://",
        ),
        (
            "database_url" in values and values["database_url"] == values.get("keys_url"),
            "KEYS_URL: must be another database than DATABASE_URL",
        ),
        (
            ("broker_certificate" in values) != ("broker_key" in values),
            "BROKER_KEY: a certificate and its key are given together",
        ),
        (
            {"broker_ca", "broker_certificate"} & values.keys()
            and not str(values.get("amqp_uri", "amqps://")).startswith("amqps://"),
            "AMQP_URI: BROKER_CA and BROKER_CERTIFICATE need an amqps:// address",
        ),
    )
    return [problem for broken, problem in rules if broken]


def _required(reading: Reading) -> dict[str, Any]:
    environments = validate.OneOf(["development", "test", "production"])
    return {
        "service": reading.text("SERVICE", str, validate=setting_texts.NAME),
        "environment": reading.text("ENVIRONMENT", str, validate=environments),
        "database_url": reading.text("DATABASE_URL", str, validate=setting_texts.DATABASE),
        "keys_url": reading.text("KEYS_URL", str, validate=setting_texts.DATABASE),
        "amqp_uri": reading.text("AMQP_URI", str, validate=setting_texts.BROKER),
        "secret": reading.text("SECRET", setting_texts.secret, validate=setting_texts.GIVEN),
        "master_key": reading.text(
            "MASTER_KEY", setting_texts.master_key, validate=setting_texts.GIVEN
        ),
        "issuer": reading.text("ISSUER", str, validate=setting_texts.GIVEN),
        "audience": reading.text("AUDIENCE", str, validate=setting_texts.GIVEN),
    }


def _optional(reading: Reading) -> dict[str, Any]:
    endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
    return {
        **{
            name.lower(): reading.text(name, setting_texts.database, default=None)
            for name in ("SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL", "MIGRATION_KEYS_URL")
        },
        "database_roles": reading.text("DATABASE_ROLES", setting_texts.role, default=None),
        "http_host": reading.text("HTTP_HOST", str, default=None),
        "http_port": reading.text("HTTP_PORT", setting_texts.port, default=None),
        "ops_host": reading.text("OPS_HOST", str, default=None),
        "ops_port": reading.text("OPS_PORT", setting_texts.port, default=None),
        "broker_ca": reading.file("BROKER_CA"),
        "broker_certificate": reading.file("BROKER_CERTIFICATE"),
        "broker_key": reading.file("BROKER_KEY"),
        "broker_management_url": reading.text(
            "BROKER_MANAGEMENT_URL", setting_texts.web, default=None
        ),
        "http_ca": reading.file("HTTP_CA"),
        "clock_file": reading.text("CLOCK_FILE", Path, default=None),
        "feeds": reading.text("FEEDS", setting_texts.feeds, default=None),
        "service_token": reading.text("SERVICE_TOKEN", str, default=None),
        "token_url": reading.text("TOKEN_URL", setting_texts.web, default=None),
        "client_id": reading.text("CLIENT_ID", str, default=None),
        "client_secret": reading.text("CLIENT_SECRET", str, default=None),
        "otel_exporter_otlp_endpoint": reading.text(endpoint, setting_texts.web, default=None),
        "span_file": reading.text("SPAN_FILE", Path, default=None),
        "log_level": reading.text("LOG_LEVEL", setting_texts.level, default=None),
        "retry_seconds": reading.text("RETRY_SECONDS", setting_texts.ladder, default=None),
        "tail_poll_seconds": reading.number("TAIL_POLL_SECONDS"),
        "feed_poll_seconds": reading.number("FEED_POLL_SECONDS"),
        "batch_wait_seconds": reading.number("BATCH_WAIT_SECONDS"),
        "lease_seconds": reading.number("LEASE_SECONDS"),
        "pool_size": reading.text("POOL_SIZE", setting_texts.connections, default=None),
        "timer_poll_seconds": reading.number("TIMER_POLL_SECONDS"),
        "other_master_key": reading.text(
            "OTHER_MASTER_KEY", setting_texts.master_key, default=None
        ),
        "drain_seconds": reading.number("DRAIN_SECONDS"),
        "lag_limit": reading.text("LAG_LIMIT", setting_texts.count, default=None),
        "quotas": reading.text("QUOTAS", setting_texts.limits, default=None),
        "erasure_list": reading.text("ERASURE_LIST", str, default=None),
    }


def _access(reading: Reading) -> dict[str, Any]:
    limits = ("rate_subject", "rate_address", "rate_sign_in", "rate_codes", "rate_forms")
    claims = ("claim_tenant", "claim_scope", "claim_groups", "claim_roles")
    return {
        "jwks": reading.text("JWKS", str, default=None),
        "roles_file": reading.text("ROLES_FILE", Path, default=None),
        "break_glass_keys": reading.text("BREAK_GLASS_KEYS", str, default=None),
        "proxies": reading.text("PROXIES", setting_texts.count, default=None),
        **{name: reading.text(name.upper(), str, default=None) for name in claims},
        **{name: reading.text(name.upper(), setting_texts.rate, default=None) for name in limits},
    }
