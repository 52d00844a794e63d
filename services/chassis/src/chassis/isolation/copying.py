"""Give a table that is to take another one's place the other's owner, policies and rights."""

from sqlalchemy import Connection, text

from chassis import direct

# Percent signs are doubled: the driver reads them too.
_STATEMENTS = """WITH live AS (
    SELECT c.* FROM pg_class c
    WHERE c.relname = :live AND c.relnamespace = CAST(current_schema() AS regnamespace))
SELECT format('CREATE POLICY %%I ON %%s TO %%s USING (%%s) WITH CHECK (%%s)', p.policyname, :other,
    (SELECT string_agg(quote_ident(role), ', ') FROM unnest(p.roles) AS role),
    p.qual, p.with_check) AS statement
FROM pg_policies p WHERE p.schemaname = current_schema() AND p.tablename = :live
UNION ALL SELECT format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
    :other) FROM live WHERE relrowsecurity
UNION ALL SELECT format('GRANT %%s ON %%s TO %%I', a.privilege_type, :other,
    pg_get_userbyid(a.grantee)) FROM live, aclexplode(relacl) AS a
    WHERE a.grantee NOT IN (0, relowner)
UNION ALL SELECT format('ALTER TABLE %%s OWNER TO %%I', :other, pg_get_userbyid(relowner))
    FROM live WHERE pg_get_userbyid(relowner) <> current_user"""


def take_over(db: Connection, live: str, other: str) -> None:
    """Let a new table be guarded as the live one is, so that it may be exchanged for it.

    Args:
        db: A transaction of whoever made the new table.
        live: The name of the table whose place it is to take.
        other: The new table's name, quoted, with its schema.
    """
    if db.dialect.name == "sqlite":
        return
    for row in direct.rows(db, _STATEMENTS, {"live": live, "other": other}):
        db.execute(text(row["statement"]))
