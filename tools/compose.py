"""Make the secrets of the compose file's installation, as files, unless they are there already."""

import base64
import secrets
import sys
from datetime import timedelta
from pathlib import Path

from chassis.dev_issuer import DevelopmentIssuer
from chassis.isolation import Roles
from chassis.isolation.creating import script
from sixfold.parts import AUDIENCE, ISSUER, LOOP, SERVICES

FOLDER = Path(__file__).resolve().parent.parent / "deploy/compose/secrets"
READABLE = 0o444  # a process of uid 10001 reads its own mount; the folder keeps everybody else out
YEAR = timedelta(days=365)


class Folder:
    """The files, each written once: a second run changes no password that is in use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def keep(self, name: str, content: str) -> str:
        """Return what a file has, writing it first where there is none."""
        path = self.folder / name
        if not path.exists():
            path.write_text(content)
            path.chmod(READABLE)
        return path.read_text()


def key() -> str:
    """Return 32 random bytes as settings take them."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def fill(folder: Path) -> None:
    """Write every file that the compose file names."""
    kept = Folder(folder)
    for name in ("secret", "master_key"):
        kept.keep(name, key())
    kept.keep("postgres_password", secrets.token_urlsafe(24))
    broker = kept.keep("broker_password", secrets.token_urlsafe(24))
    kept.keep("broker.conf", f"default_user = sixfold\ndefault_pass = {broker}\n")
    kept.keep("amqp_uri", f"amqp://sixfold:{broker}@broker:5672/%2F")
    kept.keep("databases.sql", "\n".join(_databases(kept, name) for name in (*SERVICES, LOOP)))
    issuer = DevelopmentIssuer(
        folder / "issuer", environment="development", issuer=ISSUER, audience=AUDIENCE
    )
    kept.keep("jwks.json", issuer.jwks.read_text())
    kept.keep("service_token", issuer.issue("system", "service:compose", ["log.read"], YEAR))


def _databases(kept: Folder, service: str) -> str:
    """Write a service's addresses, each with the password of its role; return the SQL for them."""
    roles = Roles.named(f"sixfold_{service}")
    passwords = {
        role: kept.keep(f"{role}_password", secrets.token_urlsafe(24))
        for role in (roles.owner, roles.application, roles.system)
    }
    uses = (("", roles.application), ("owner_", roles.owner), ("system_", roles.system))
    for prefix, role in uses:
        server = f"postgresql+psycopg2://{role}:{passwords[role]}@database:5432"
        kept.keep(f"{service}_{prefix}database_url", f"{server}/{service}")
        if role != roles.system:
            kept.keep(f"{service}_{prefix}keys_url", f"{server}/{service}_keys")
    known = [f"ALTER ROLE {role} PASSWORD '{word}';" for role, word in passwords.items()]
    return "\n".join(["\\connect postgres", script(roles, [service, f"{service}_keys"]), *known])


if __name__ == "__main__":
    fill(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
