CREATE OR REPLACE MACRO pass_at_k(n, c, k) AS
    CASE WHEN n < k THEN NULL WHEN n - c < k THEN 1.0
    ELSE 1 - coalesce(
        list_aggregate(list_transform(range(n - c + 1, n + 1), lambda i: 1 - k / i), 'product'), 1
    ) END;
COMMENT ON MACRO pass_at_k IS
'Chance that one of k attempts is right when c of n were: unbiased (Chen et al. 2021, eq. 1)';

CREATE OR REPLACE MACRO pass_at(k) AS TABLE
SELECT policy_version AS version, difficulty, count(*) AS tasks, avg(pass_at_k(n, c, k)) AS score
FROM (
    SELECT a.task, a.policy_version, t.difficulty, count(*) AS n,
        count(*) FILTER (a.reward >= 1) AS c
    FROM attempts a JOIN tasks t ON t.task = a.task WHERE NOT a.revised GROUP BY ALL
)
WHERE n >= k GROUP BY ALL ORDER BY ALL;
COMMENT ON MACRO TABLE pass_at IS
'pass@k of the solver by policy version and difficulty, over tasks with k first attempts or more';

CREATE OR REPLACE MACRO solve_rates(version) AS TABLE
SELECT t.difficulty, count(DISTINCT a.task) AS tasks, count(*) AS attempts,
    avg(a.reward) AS mean_reward, avg((a.reward >= 1)::INTEGER) AS solved
FROM attempts a JOIN tasks t ON t.task = a.task
WHERE NOT a.revised AND a.policy_version = version GROUP BY t.difficulty ORDER BY t.difficulty;
COMMENT ON MACRO TABLE solve_rates IS
'How the first attempts of a policy version went, by difficulty; solved is the share of reward 1';

CREATE OR REPLACE MACRO rewards_of(of_role) AS TABLE
SELECT round, count(*) AS answers, avg(reward) AS mean, stddev_pop(reward) AS deviation
FROM grades WHERE role = of_role GROUP BY round ORDER BY round;
COMMENT ON MACRO TABLE rewards_of IS 'Mean and deviation of the rewards of a role, by round';

CREATE OR REPLACE MACRO transcript(of_episode) AS TABLE
SELECT e.seq, e.sender, e.recipient, e.kind, CASE e.kind
    WHEN 'task_posed' THEN e.payload ->> '$.problem'
    WHEN 'attempt_made' THEN e.payload ->> '$.attempt'
    WHEN 'attempt_revised' THEN e.payload ->> '$.attempt'
    WHEN 'critique_written' THEN e.payload ->> '$.critique'
    WHEN 'hint_given' THEN e.payload ->> '$.hint'
    WHEN 'task_judged' THEN e.payload ->> '$.judgement'
    WHEN 'lesson_given' THEN e.payload ->> '$.solution'
    WHEN 'role_failed' THEN e.payload ->> '$.error'
    WHEN 'episode_ended' THEN e.payload ->> '$.outcome'
    END AS says, g.reward
FROM events e LEFT JOIN grades g ON g.graded = e.seq
WHERE e.episode = of_episode ORDER BY e.seq;
COMMENT ON MACRO TABLE transcript IS
'Who said what in an episode, in order, with the reward that it earned';

CREATE OR REPLACE MACRO led_by(cause, task, payload) AS coalesce(
    cause, try_cast(payload ->> '$.of' AS BIGINT), task, (payload ->> '$.parent_task')::BIGINT
);
COMMENT ON MACRO led_by IS
'The seq that led to an event: its cause, or what an ask is about: an answer, a task, a parent';

CREATE OR REPLACE MACRO causes(event) AS TABLE
WITH RECURSIVE back AS (
    SELECT seq, led_by(cause, task, payload) AS cause, kind, sender, episode, round, 0 AS steps
    FROM events WHERE seq = event
    UNION ALL
    SELECT e.seq, led_by(e.cause, e.task, e.payload), e.kind, e.sender, e.episode, e.round,
        b.steps + 1
    FROM back b JOIN events e ON e.seq = b.cause
)
FROM back ORDER BY seq;
COMMENT ON MACRO TABLE causes IS
'What led to an event: its cause, the cause of that, and so on back to the first; itself is last';

CREATE OR REPLACE MACRO effects(event) AS TABLE
WITH RECURSIVE led AS MATERIALIZED (
    SELECT seq, led_by(cause, task, payload) AS cause, kind, sender, episode, round
    FROM events WHERE seq >= event
), onward AS (
    SELECT *, 0 AS steps FROM led WHERE seq = event
    UNION ALL
    SELECT e.*, o.steps + 1 FROM onward o JOIN led e ON e.cause = o.seq
)
FROM onward ORDER BY seq;
COMMENT ON MACRO TABLE effects IS
'What an event led to: what it caused, what that caused, and so on; itself is first';

CREATE OR REPLACE MACRO trained_on(event) AS TABLE
SELECT version, seq AS batch FROM batch_built WHERE list_contains(sources, event) ORDER BY version;
COMMENT ON MACRO TABLE trained_on IS 'The policy versions whose batch came from an event';

CREATE OR REPLACE MACRO health_of(of_metric) AS TABLE
SELECT round, metric, value FROM health WHERE metric LIKE of_metric ORDER BY metric, round;
COMMENT ON MACRO TABLE health_of IS
'The course of a number of the health; with % in its name of several, such as entropy/%';

CREATE OR REPLACE MACRO metrics_of(of_metric) AS TABLE
SELECT version, metric, value FROM (
    SELECT version, unnest(map_keys(metrics)) AS metric, unnest(map_values(metrics)) AS value
    FROM policy_updated
) WHERE metric LIKE of_metric ORDER BY metric, version;
COMMENT ON MACRO TABLE metrics_of IS
'The course of a number that the trainer measured, by version; with % in its name of several';

CREATE OR REPLACE MACRO groups_of(of_role) AS TABLE
SELECT round, count(*) AS groups, avg((high - low > 1e-6)::INTEGER) AS informative
FROM (
    SELECT round, max(reward) AS high, min(reward) AS low
    FROM (
        SELECT g.round, g.reward, e.kind, e.cause, count(*) OVER (PARTITION BY e.cause) AS answers
        FROM answer_graded g JOIN events e ON e.seq = g.of WHERE g.role = of_role
    )
    GROUP BY round, kind, CASE WHEN answers > 1 THEN cause END
)
GROUP BY round ORDER BY round;
COMMENT ON MACRO TABLE groups_of IS
'Groups of a role by round: the answers to one ask, and the share in which rewards differ';

CREATE OR REPLACE MACRO shingles(txt) AS list_transform(
    [list_transform(
        regexp_extract_all(lower(txt), '[a-z]+|[0-9]+|[^ \t\r\na-z0-9]'),
        lambda t: CASE WHEN regexp_full_match(t, '[a-z]') THEN 'x' ELSE t END
    )],
    lambda w: list_distinct(list_transform(
        range(1, greatest(len(w) - 3, 1) + 1), lambda i: array_to_string(w[i:i+3], ' ')
    ))
)[1];
COMMENT ON MACRO shingles IS
'The runs of four tokens in a text, by which tasks are compared; a lone letter is any letter';

CREATE OR REPLACE MACRO repeats(of_round) AS TABLE
WITH made AS (
    SELECT task, round, problem, parent_task, shingles(problem) AS said FROM tasks
    WHERE posed_by <> 'environment' AND round <= of_round
), pairs AS (
    SELECT n.task, n.problem, o.task AS like_task, o.round AS like_round, o.problem AS like_problem,
        len(list_intersect(n.said, o.said)) AS shared, len(n.said) + len(o.said) AS sizes
    FROM made n JOIN made o ON n.round = of_round AND o.round < of_round
        AND (o.task IS DISTINCT FROM n.parent_task OR o.problem = n.problem)
)
SELECT task, problem, max(shared / (sizes - shared)) AS similarity,
    arg_max(like_task, shared / (sizes - shared)) AS like_task,
    arg_max(like_round, shared / (sizes - shared)) AS like_round,
    arg_max(like_problem, shared / (sizes - shared)) AS like_problem
FROM pairs GROUP BY task, problem ORDER BY similarity DESC, task;
COMMENT ON MACRO TABLE repeats IS
'The tasks of a round, each with the most similar earlier one that it does not extend';
