"""What gene results refer to is there and stays there, without a foreign key of the database.

A foreign key is checked row by row: of 512,000 results, five times each, longer than all the rest of storing them. Here a
statement is checked once, by the few records that its rows name. What follows is what foreign keys do (docs/decisions/0025):

- Rows that are written name records that are there, and hold them: `FOR KEY SHARE`, so that who deletes one waits for
  the end of this transaction, and who comes after a deletion finds nothing and is refused. These triggers.
- A record that results name is not deleted, by whatever door. Triggers of the named tables (migration 0016), checked
  at the end of the transaction. Django asks before that, and deletes a run's results with their run.
"""

import pgtrigger

# Few studies, runs, contrasts and regions, but thousands of genes: two passes over the rows.
_NAMED = """
SELECT array_agg(DISTINCT study_id), array_agg(DISTINCT run_id), array_agg(DISTINCT contrast_id), array_agg(DISTINCT region_id)
    INTO study_ids, run_ids, contrast_ids, region_ids
    FROM (SELECT DISTINCT study_id, run_id, contrast_id, region_id FROM new_rows) AS named;
gene_ids := ARRAY(SELECT DISTINCT gene_id FROM new_rows);
"""
_IS_THERE = """
SELECT count(*) INTO n_found FROM (SELECT FROM {table} WHERE id = ANY({what}_ids) ORDER BY id FOR KEY SHARE) AS held;
IF n_found < cardinality({what}_ids) THEN
    RAISE EXCEPTION 'There is no {what} %, to which a gene result refers.',
        (SELECT min(named) FROM unnest({what}_ids) AS named WHERE NOT EXISTS (SELECT FROM {table} WHERE id = named))
        USING ERRCODE = 'foreign_key_violation';
END IF;
"""
_TABLES = {
    "study": "colony_study", "run": "analysis_analysisrun", "contrast": "analysis_contrast",
    "region": "tissue_brainregion", "gene": "sequencing_gene",
}  # fmt: skip


def gene_result_triggers() -> list[pgtrigger.Trigger]:
    """Return the triggers of gene results: what new and changed rows name is there."""
    checks = "".join(_IS_THERE.format(what=what, table=table) for what, table in _TABLES.items())
    return [
        pgtrigger.Trigger(
            name=f"names_records_{name}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=pgtrigger.Referencing(new="new_rows"),
            declare=[*((f"{what}_ids", "bigint[]") for what in _TABLES), ("n_found", "bigint")],
            func=f"{_NAMED}{checks}RETURN NULL;",
        )
        for name, operation in (("insert", pgtrigger.Insert), ("update", pgtrigger.Update))
    ]
