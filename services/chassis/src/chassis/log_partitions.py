"""The partitions of a PostgreSQL log: ranges of rows and of positions, made before they are needed.

A partition is made beside the log and then attached, which locks out neither readers nor writers;
that works so lightly only where no default partition has to be searched for its rows.
"""

ROWS = 1_000_000
AHEAD = 3

REFUSE_CHANGE = """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""


def refusing(table: str) -> str:
    """Return the statement that makes a table append-only."""
    return f"""CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""


def partition_functions(rows: int) -> tuple[str, ...]:
    """Return the functions that make partitions, for ranges of ``rows`` numbers each.

    ``add_partitions`` runs with its owner's rights: the sequencer that calls it may own nothing.
    """
    return (
        f"""CREATE FUNCTION add_partition(parent text, number bigint) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        DECLARE child text := parent || '_' || number;
        BEGIN
            IF to_regclass(child) IS NOT NULL THEN RETURN; END IF;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING INDEXES)', child, parent);
            EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                child || '_refuse_change', child);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                parent, child, number * {rows}, (number + 1) * {rows});
        END $$""",
        f"""CREATE FUNCTION add_partitions(parent text, reached bigint) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
        BEGIN
            IF to_regclass(parent || '_' || reached / {rows} + {AHEAD}) IS NOT NULL THEN
                RETURN;
            END IF;
            FOR number IN reached / {rows} .. reached / {rows} + {AHEAD} LOOP
                PERFORM add_partition(parent, number);
            END LOOP;
        END $$""",
    )
