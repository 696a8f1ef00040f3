-- What a query must not do, and what looks like it and is harmless. A block is a line of dashes with
-- the outcome (refused, stopped, or answered with so many rows) and one statement. {log} is the log
-- file, {dir} its directory, which holds data.csv.

--- refused
DELETE FROM events

--- refused
INSERT INTO events SELECT * FROM events

--- refused
UPDATE events SET payload = '{}'

--- refused
MERGE INTO events USING (SELECT 1 AS a) s ON false WHEN NOT MATCHED THEN INSERT BY NAME

--- refused
TRUNCATE events

--- refused
WITH a AS (DELETE FROM events RETURNING *) SELECT * FROM a

--- refused
WITH a AS MATERIALIZED (INSERT INTO events SELECT * FROM events RETURNING *) SELECT * FROM a

--- refused
WITH a AS (UPDATE events SET seq = 7 RETURNING *) SELECT * FROM a

--- refused
SELECT (WITH a AS (DELETE FROM events RETURNING 1) SELECT count(*) FROM a)

--- refused
DESCRIBE WITH a AS (DELETE FROM events RETURNING *) SELECT * FROM a

--- refused
SELECT * FROM (WITH a AS (COPY (SELECT 1) TO '{dir}/stolen.csv') SELECT * FROM a)

--- refused
WITH a AS (COPY (SELECT 1) TO '{log}' (FORMAT csv, USE_TMP_FILE false)) SELECT * FROM a

--- refused
WITH a AS (COPY (SELECT 1) TO '{log}.wal' (FORMAT csv, USE_TMP_FILE false)) SELECT 1

--- refused
EXPLAIN ANALYZE WITH a AS (COPY (SELECT 1) TO '{log}' (FORMAT csv, USE_TMP_FILE false)) SELECT 1

--- refused
EXPLAIN ANALYZE COPY (SELECT 1) TO '{log}' (FORMAT csv, USE_TMP_FILE false)

--- refused
EXPLAIN ANALYZE COPY (SELECT 1) TO '{log}.wal' (FORMAT csv, USE_TMP_FILE false)

--- refused
EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{dir}/stolen.csv'

--- refused
EXPLAIN (ANALYZE) CHECKPOINT

--- refused
EXPLAIN ANALYZE CHECKPOINT

--- refused
EXPLAIN ANALYZE DELETE FROM events

--- refused
EXPLAIN ANALYZE CREATE TEMP TABLE mine AS SELECT 1

--- refused
EXPLAIN ANALYZE ROLLBACK

--- refused
EXPLAIN ANALYZE COMMIT

--- refused
EXPLAIN ANALYZE PREPARE mine AS DELETE FROM events

--- refused
EXPLAIN ANALYZE EXECUTE mine

--- refused
EXPLAIN ANALYZE CALL force_checkpoint()

--- refused
EXPLAIN ANALYZE SET threads = 8

--- refused
EXPLAIN ANALYZE PRAGMA enable_profiling

--- refused
EXPLAIN ANALYZE LOAD httpfs

--- refused
EXPLAIN ANALYZE VACUUM

--- refused
EXPLAIN SET threads = 8

--- refused
CREATE TABLE mine AS SELECT 1

--- refused
CREATE TEMP TABLE mine AS SELECT 1

--- refused
CREATE OR REPLACE VIEW grades AS SELECT 1

--- refused
CREATE TEMP MACRO mine() AS TABLE FROM query('SELECT 1')

--- refused
CREATE SEQUENCE mine

--- refused
CREATE SECRET (TYPE s3)

--- refused
CREATE TYPE mine AS ENUM ('a')

--- refused
SELECT nextval('mine')

--- refused
DROP VIEW grades

--- refused
ALTER TABLE events ADD COLUMN mine INTEGER

--- refused
COMMENT ON TABLE events IS 'mine'

--- refused
COMMIT; DELETE FROM events

--- refused
COMMIT

--- refused
BEGIN

--- refused
SELECT 1; SELECT 2

--- refused
SELECT 1 /* ; */ ; DELETE FROM events --

--- refused
;

--- refused


--- refused
-- nothing but a comment

--- refused
PREPARE mine AS SELECT 1

--- refused
EXECUTE mine

--- refused
DEALLOCATE mine

--- refused
SELECT ?

--- refused
COPY events TO '{dir}/stolen.csv'

--- refused
COPY (SELECT 1) TO '{log}' (FORMAT csv, USE_TMP_FILE false)

--- refused
COPY events FROM '{dir}/data.csv'

--- refused
COPY FROM DATABASE log TO memory

--- refused
EXPORT DATABASE '{dir}/stolen'

--- refused
IMPORT DATABASE '{dir}'

--- refused
ATTACH '{dir}/other.duckdb'

--- refused
ATTACH '{log}' AS again (READ_ONLY)

--- refused
DETACH log

--- refused
USE memory

--- refused
SET threads = 8

--- refused
SET enable_external_access = true

--- refused
SET VARIABLE mine = 1

--- refused
RESET lock_configuration

--- refused
PRAGMA enable_profiling

--- refused
PRAGMA database_list

--- refused
CALL force_checkpoint()

--- refused
LOAD httpfs

--- refused
INSTALL httpfs

--- refused
UPDATE EXTENSIONS

--- refused
CHECKPOINT

--- refused
VACUUM

--- refused
ANALYZE

--- refused
SELECT * FROM read_text('{dir}/data.csv')

--- refused
SELECT * FROM read_blob('{log}')

--- refused
SELECT content FROM read_text('{log}.wal')

--- refused
SELECT * FROM read_csv('{log}.wal', sep = '\1', header = false, ignore_errors = true)

--- refused
SELECT * FROM read_csv('{dir}/data.csv')

--- refused
SELECT * FROM read_csv_auto('{dir}/data.csv')

--- refused
SELECT * FROM sniff_csv('{dir}/data.csv')

--- refused
SELECT * FROM read_json('{dir}/data.csv')

--- refused
SELECT * FROM read_ndjson_objects('{log}')

--- refused
SELECT * FROM read_parquet('{log}')

--- refused
SELECT * FROM parquet_metadata('{log}')

--- refused
SELECT * FROM read_duckdb('{log}')

--- refused
SELECT * FROM glob('{dir}/*')

--- refused
SELECT * FROM (VALUES ('{dir}/data.csv')) AS f(path), LATERAL (SELECT * FROM read_text(path))

--- refused
SELECT * FROM '{dir}/data.csv'

--- refused
SELECT * FROM "{dir}/data.csv"

--- refused
FROM '{log}'

--- refused
FROM 'https://example.com/data.csv'

--- refused
FROM 's3://example/data.parquet'

--- refused
SUMMARIZE '{dir}/data.csv'

--- refused
DESCRIBE '{dir}/data.csv'

--- refused
DESCRIBE SELECT * FROM read_csv('{dir}/data.csv')

--- refused
SELECT * FROM summary((FROM read_csv('{dir}/data.csv')))

--- refused
SELECT * FROM query_table('{dir}/data.csv')

--- refused
SELECT * FROM query_table('events')

--- refused
SELECT * FROM secret

--- refused
SELECT * FROM pandas_scan(1)

--- refused
SELECT * FROM arrow_scan(1, 2, 3)

--- refused
SELECT * FROM arrow_scan_dumb(1, 2, 3)

--- refused
SELECT * FROM python_map_function((SELECT 1), 1, 2)

--- refused
SELECT * FROM checkpoint()

--- refused
SELECT * FROM "Force_Checkpoint" /* */ ()

--- refused
SELECT * FROM enable_logging(storage := 'file')

--- refused
SELECT * FROM enable_profiling(save_location = '{dir}/stolen.txt')

--- refused
SELECT * FROM truncate_duckdb_logs()

--- refused
SELECT * FROM create_external_resource('mine')

--- refused
SELECT * FROM duckdb_secrets()

--- refused
SELECT * FROM which_secret('s3://mine', 's3')

--- refused
SELECT * FROM duckdb_logs()

--- refused
SELECT write_log('mine')

--- refused
SELECT * FROM query('SELECT * FROM checkpoint()')

--- refused
FROM system.main."QUERY" ('SELECT 1')

--- refused
FROM query--
('SELECT 1')

--- refused
FROM query/* ( */($$SELECT 1$$)

--- refused
SELECT ('SELECT 1').query()

--- refused
FROM U&"\0071uery"('SELECT 1')

--- refused
FROM quеry('SELECT 1')

--- refused
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))

--- refused
SELECT json_serialize_plan('FROM read_blob(''{log}'')')

--- refused
SELECT getenv('HOME')

--- refused
PIVOT events ON kind USING count(*)

--- refused
FROM (PIVOT events ON kind USING count(*))

--- refused
FROM range(1000000000000)

--- refused
SELECT range(0, 2000000000)

--- refused
SELECT repeat('x', 4000000000)

--- refused
SELECT repeat(a, 1000000000) FROM (SELECT repeat('x', 1000) AS a)

--- refused
SELECT lpad('x', 9000000000, 'y')

--- refused
SELECT replace(a, 'y', a) FROM (SELECT repeat('y', 200000) AS a)

--- refused
SELECT list(a.range) FROM range(1000000000) AS a

--- refused
SELECT string_agg(repeat('x', 1000), '') FROM range(100000000)

--- refused
SELECT levenshtein(repeat('a', 1000000), repeat('b', 1000000))

--- refused
SELECT list_reduce(range(100000000), lambda a, b: a + b)

--- refused
SELECT repeat('[', 1000000)::JSON

--- stopped
SELECT sleep_ms(100000)

--- stopped
SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range ^ b.range) = 3

--- stopped
WITH RECURSIVE r AS (SELECT 1::BIGINT AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r

--- answered 5
SELECT * FROM events

--- answered 5
FROM events

--- answered 5
TABLE events

--- answered 23
DESCRIBE events

--- answered 23
SUMMARIZE events

--- answered 1
WITH a AS (SELECT 1) SELECT * FROM a

--- answered 3
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r

--- answered 1
SHOW DATABASES

--- answered 1
EXPLAIN SELECT * FROM events

--- answered 1
EXPLAIN ANALYZE SELECT * FROM events

--- answered 1
explain (analyze, format json) SELECT 1

--- answered 1
EXPLAIN (SELECT 1)

--- answered 1
SELECT 'enable_profiling(' AS "query" -- query(

--- answered 1
SELECT * FROM (SELECT 'x') AS query(a)

--- answered 5
PIVOT events ON kind IN ('run_resumed') USING count(*) GROUP BY seq

--- answered 10
UNPIVOT events ON seq, pseq INTO NAME a VALUE b

--- answered 4
SELECT a FROM range(4) AS t(a) QUALIFY row_number() OVER (ORDER BY a) > 0

--- answered 1
SELECT list_transform([1, 2], lambda x: x + 1) AS a, MAP {'a': 1}['a'] AS b, {'c': 1}.c AS c

--- answered 1
SELECT regexp_matches(repeat('a', 100000) || 'b', '((a|a)+)+$')

--- answered 1
SELECT setseed(0.5)

--- answered 1
SELECT getvariable('secret')
