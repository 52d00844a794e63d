"""Put the policies and the rights of the three roles on a schema that was just migrated.

Only what is not yet as it should be is touched: a policy is made under a lock that keeps everybody
out, and the version before is still at work.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from chassis import direct
from chassis.isolation import NO_TENANT, SETTING, Roles
from chassis.isolation.shared_tables import TENANT, Rights, rights_on

ONE_TENANT = f"{TENANT} = (SELECT bound_tenant())"
"""In a query of its own, so that it is asked once a statement and not once a row."""
_BOUND_TENANT = f"""CREATE FUNCTION bound_tenant() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE bound text := current_setting('{SETTING}', true);
BEGIN
    IF bound IS NULL OR bound = '' THEN
        RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = '{NO_TENANT}';
    END IF;
    RETURN bound;
END $$"""
_IS_OURS = """SELECT pg_get_userbyid(datdba) = :owner FROM pg_database
WHERE datname = current_database()"""
_TABLES = """SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS guarded,
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant'
        AND NOT a.attisdropped) AS has_tenant,
    ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid ORDER BY polname) AS policies,
    ARRAY(SELECT pg_get_userbyid(a.grantee)::text || ' ' || a.privilege_type
        FROM aclexplode(c.relacl) AS a ORDER BY 1) AS granted
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relnamespace = CAST(current_schema() AS regnamespace)
ORDER BY c.relname"""
# A policy lets through what any of them does, so one that asks for no tenant opens the table.
_OPEN = """SELECT c.relname AS "table", p.polname::text AS policy FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND p.polpermissive
    AND EXISTS (SELECT FROM unnest(p.polroles) AS r
        WHERE r = 0 OR pg_get_userbyid(r) = :application)
    AND (coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
            NOT LIKE '%%bound_tenant()%%'
        OR coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid))
            NOT LIKE '%%bound_tenant()%%')"""
_HAS_FUNCTION = "SELECT to_regprocedure('bound_tenant()') IS NOT NULL"
_SYSTEM_ONLY = ("add_partition", "add_partitions", "next_events", "end_batch")
_FUNCTIONS = """SELECT p.oid::regprocedure::text AS name FROM pg_proc p
WHERE p.pronamespace = CAST(current_schema() AS regnamespace)
    AND p.proname = ANY (CAST(:names AS name[]))
    AND has_function_privilege('public', p.oid, 'EXECUTE')"""
_SEQUENCES = """SELECT c.relname AS name FROM pg_class c
WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
    AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(:role, c.oid, :verb) END"""
# The sequencer looks how far the rows have come: their partitions have to be made in time.
_ON_SEQUENCES = (("application", "USAGE"), ("system", "USAGE"), ("system", "SELECT"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table as it is: whether policies are forced on everybody, and what was granted."""

    name: str
    has_tenant: bool
    guarded: bool
    policies: Sequence[str]
    granted: Sequence[str]


def has_three_roles(db: Connection, roles: Roles) -> bool:
    """Say whether a database was made for the three roles: it belongs to the owner."""
    if db.dialect.name == "sqlite":
        return False
    return bool(direct.scalar(db, _IS_OURS, {"owner": roles.owner}))


def act_as_owner(db: Connection, roles: Roles) -> None:
    """Let what a session makes be the owner's, whichever of its members has logged in."""
    db.execute(text(f"SET ROLE {roles.owner}"))
    db.commit()


def secure(db: Connection, roles: Roles) -> list[str]:
    """Bring every table's policies and rights up to date; return what had to be done."""
    statements = list(_missing(db, roles))
    for statement in statements:
        db.execute(text(statement))
    return statements


def open_policies(db: Connection, roles: Roles) -> set[tuple[str, str]]:
    """Return table and name of each policy that shows the application every tenant's rows."""
    found = direct.rows(db, _OPEN, {"application": roles.application})
    return {(row["table"], row["policy"]) for row in found}


def tables(db: Connection) -> list[Table]:
    """Return the tables of a service's schema; partitions are reached through them only."""
    return [Table(**row) for row in direct.rows(db, _TABLES)]


def _missing(db: Connection, roles: Roles) -> Iterator[str]:
    if not direct.scalar(db, _HAS_FUNCTION):
        yield _BOUND_TENANT
    wide = open_policies(db, roles)
    for table in tables(db):
        if table.has_tenant:
            yield from _policies(table, roles, {name for of, name in wide if of == table.name})
        yield from _grants(table, roles)
    for row in direct.rows(db, _FUNCTIONS, {"names": list(_SYSTEM_ONLY)}):
        yield f"REVOKE EXECUTE ON FUNCTION {row['name']} FROM PUBLIC"
        yield f"GRANT EXECUTE ON FUNCTION {row['name']} TO {roles.system}"
    for kind, verb in _ON_SEQUENCES:
        role = getattr(roles, kind)
        for row in direct.rows(db, _SEQUENCES, {"role": role, "verb": verb}):
            yield f'GRANT {verb} ON SEQUENCE "{row["name"]}" TO {role}'


def _policies(table: Table, roles: Roles, wide: set[str]) -> Iterator[str]:
    everyone = f"{roles.system}, {roles.owner}"
    wanted = {
        "every_tenant": f"TO {everyone} USING (true) WITH CHECK (true)",
        "one_tenant": f"TO {roles.application} USING ({ONE_TENANT}) WITH CHECK ({ONE_TENANT})",
    }
    kept = (set(table.policies) & wanted.keys()) - wide
    for name in sorted(set(table.policies) - kept):
        yield f'DROP POLICY "{name}" ON "{table.name}"'
    for name, policy in wanted.items():
        if name not in kept:
            yield f'CREATE POLICY {name} ON "{table.name}" {policy}'
    if not table.guarded:
        yield f'ALTER TABLE "{table.name}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY'


def _grants(table: Table, roles: Roles) -> Iterator[str]:
    rights = rights_on(table.name, has_tenant=table.has_tenant) or Rights(application=(), system=())
    wanted = {roles.application: rights.application, roles.system: rights.system}
    for role, verbs in wanted.items():
        given = {line.partition(" ")[2] for line in table.granted if line.split()[0] == role}
        if given - set(verbs):
            yield f'REVOKE {", ".join(sorted(given - set(verbs)))} ON "{table.name}" FROM {role}'
        if set(verbs) - given:
            yield f'GRANT {", ".join(sorted(set(verbs) - given))} ON "{table.name}" TO {role}'
