CREATE OR REPLACE VIEW grades AS
SELECT g.seq AS grade, g.role, g.reward, g.parts, g.first_wrong, g.task, g.of AS graded,
    e.kind AS graded_kind, e.policy_version, g.round, g.episode
FROM answer_graded g LEFT JOIN events e ON e.seq = g.of;
COMMENT ON VIEW grades IS 'One row a grade: whose answer (role, graded), its reward and its parts';

CREATE OR REPLACE VIEW tasks AS
SELECT p.seq AS task, p.round, p.episode, p.problem, p.parent_task, p.path,
    p.sender AS posed_by, p.policy_version, c.valid, c.gates, c.difficulty, c.degenerate,
    c.reference, coalesce(s.attempts, 0) AS attempts, s.mean_reward
FROM task_posed p
LEFT JOIN task_checked c ON c.task = p.seq
LEFT JOIN (
    SELECT task, count(*) AS attempts, avg(reward) AS mean_reward
    FROM grades WHERE graded_kind = 'attempt_made' GROUP BY task
) s ON s.task = p.seq;
COMMENT ON VIEW tasks IS
'One row a task: the problem, who posed it, the verdict on it, and how its first attempts went';

CREATE OR REPLACE VIEW attempts AS
SELECT a.seq AS attempt, a.task, p.problem, a.index, a.solution, a.revised, g.reward,
    g.parts, g.first_wrong, a.truncated, a.tokens, a.policy_version, a.round, a.episode
FROM (
    SELECT seq, task, index, attempt AS solution, false AS revised, truncated, token_count AS tokens,
        policy_version, round, episode
    FROM attempt_made
    UNION ALL
    SELECT seq, task, index, attempt, true, truncated, token_count, policy_version, round, episode
    FROM attempt_revised
) a
LEFT JOIN task_posed p ON p.seq = a.task
LEFT JOIN grades g ON g.graded = a.seq AND g.role = 'solver';
COMMENT ON VIEW attempts IS
'One row an attempt of the solver, with its problem and grade; revised ones went on from a hint';

CREATE OR REPLACE VIEW critiques AS
SELECT c.seq AS critique, c.task, a.problem, c.of AS attempt, a.solution, c.critique AS text,
    c.verdict AS found_no_fault, a.reward AS attempt_reward, g.reward, g.parts,
    c.policy_version, c.round, c.episode
FROM critique_written c
LEFT JOIN attempts a ON a.attempt = c.of
LEFT JOIN grades g ON g.graded = c.seq;
COMMENT ON VIEW critiques IS 'One row a critique: what it says of which attempt, and its own grade';

CREATE OR REPLACE VIEW hints AS
SELECT h.seq AS hint, h.task, p.problem, h.partial, h.hint AS text, g.reward, g.parts,
    h.policy_version, h.round, h.episode
FROM hint_given h
LEFT JOIN task_posed p ON p.seq = h.task
LEFT JOIN grades g ON g.graded = h.seq;
COMMENT ON VIEW hints IS 'One row a hint of the guide: the step it gave after a partial solution';

CREATE OR REPLACE VIEW judgements AS
SELECT j.seq AS judgement, j.task, p.problem, j.clean, j.judgement AS text, g.reward, g.parts,
    j.policy_version, j.round, j.episode
FROM task_judged j
LEFT JOIN task_posed p ON p.seq = j.task
LEFT JOIN grades g ON g.graded = j.seq;
COMMENT ON VIEW judgements IS 'One row a judgement of the guide: is the problem a proper one';

CREATE OR REPLACE VIEW lessons AS
SELECT l.seq AS lesson, l.task, p.problem, l.of AS attempt, a.solution AS attempt_solution,
    a.reward AS attempt_reward, l.view, l.solution, l.token_count > 0 AS spoken, g.reward, g.parts,
    l.policy_version, l.round, l.episode
FROM lesson_given l
LEFT JOIN task_posed p ON p.seq = l.task
LEFT JOIN attempts a ON a.attempt = l.of
LEFT JOIN grades g ON g.graded = l.seq;
COMMENT ON VIEW lessons IS
'One row a lesson of the teacher: under which view, on which attempt, and what it said';

CREATE OR REPLACE VIEW tokens_by_role AS
SELECT round, sender AS role, kind, policy_version, count(*) AS utterances,
    sum(len(tokens))::BIGINT AS sampled_tokens,
    sum(len(prompt_tokens))::BIGINT AS prompt_tokens
FROM events
WHERE tokens IS NOT NULL AND policy_version IS NOT NULL
GROUP BY ALL;
COMMENT ON VIEW tokens_by_role IS 'Tokens shown to and sampled from the policy';

CREATE OR REPLACE VIEW utterances AS
SELECT seq AS utterance, round, episode, task, sender AS role, kind, policy_version,
    len(prompt_tokens) AS prompt_tokens, len(tokens) AS tokens,
    list_sum(logprobs)::DOUBLE AS logprob, -list_avg(logprobs)::DOUBLE AS surprise
FROM events WHERE len(tokens) > 0 AND policy_version IS NOT NULL;
COMMENT ON VIEW utterances IS
'One row a thing that the policy said: its length, and how probable it was as it was sampled';

CREATE OR REPLACE VIEW rounds AS
SELECT s.round, s.seq AS started, e.seq AS ended, s.episodes, e.failed,
    (e.wall_us - s.wall_us) / 1e6 AS seconds,
    (y.wall_us - e.wall_us) / 1e6 AS waited,
    t.policy_version, coalesce(t.sampled_tokens, 0) AS sampled_tokens,
    g.attempts, g.mean_reward
FROM round_started s
LEFT JOIN round_ended e USING (round)
LEFT JOIN (SELECT round, min(wall_us) AS wall_us FROM policy_synced GROUP BY round) y USING (round)
LEFT JOIN (
    SELECT round, max(policy_version) AS policy_version,
        sum(sampled_tokens)::BIGINT AS sampled_tokens
    FROM tokens_by_role GROUP BY round
) t USING (round)
LEFT JOIN (
    SELECT round, count(*) AS attempts, avg(reward) AS mean_reward
    FROM grades WHERE graded_kind = 'attempt_made' GROUP BY round
) g USING (round);
COMMENT ON VIEW rounds IS
'One row a round; mean_reward is that of the first attempts of the solver';

CREATE OR REPLACE VIEW drops AS
SELECT d.seq AS drop, d.role, d.reason, s.source, e.kind, e.task, d.round
FROM sample_dropped d, unnest(d.sources) AS s(source)
LEFT JOIN events e ON e.seq = s.source;
COMMENT ON VIEW drops IS 'One row an event that was not trained on, and the reason';

CREATE OR REPLACE VIEW updates AS
SELECT u.version, u.parent, u.sha256, u.seq AS updated, u.round, b.samples, b.tokens,
    len(b.sources) AS sources, b.digest, y.samplers, y.synced, y.probe_delta, u.metrics
FROM policy_updated u
LEFT JOIN batch_built b ON b.version = u.version
LEFT JOIN (
    SELECT version, count(*) AS samplers, bool_and(ok) AS synced, max(delta) AS probe_delta
    FROM policy_synced GROUP BY version
) y ON y.version = u.version;
COMMENT ON VIEW updates IS
'One row a policy version: its batch, its metrics, and whether the samplers took it';

CREATE OR REPLACE VIEW learning_curve AS
SELECT p.version, p.suite, p.score_name, p.score, p.problems,
    coalesce(t.sampled_tokens, 0) AS sampled_tokens,
    coalesce(t.teacher_tokens, 0) AS teacher_tokens,
    coalesce(t.sampled_tokens + t.teacher_tokens, 0) AS spent_tokens,
    (p.ready_us - (SELECT min(wall_us) FROM events) - coalesce(w.paused_us, 0)) / 1e6 AS seconds,
    p.seq AS evaluated
FROM (
    SELECT e.*, unnest(map_keys(e.scores)) AS score_name, unnest(map_values(e.scores)) AS score,
        coalesce(u.seq, 0) AS ready, coalesce(u.wall_us, e.wall_us) AS ready_us
    FROM policy_evaluated e LEFT JOIN policy_updated u USING (version)
) p
ASOF LEFT JOIN (
    SELECT seq, sum(sampled_tokens) OVER before::BIGINT AS sampled_tokens,
        sum(teacher_tokens) OVER before::BIGINT AS teacher_tokens
    FROM (
        SELECT seq, len(tokens) AS sampled_tokens, 0 AS teacher_tokens FROM events
        WHERE policy_version IS NOT NULL AND tokens IS NOT NULL
        UNION ALL SELECT seq, tokens, 0 FROM exam_taken
        UNION ALL SELECT seq, 0, coalesce(teacher_tokens, 0) FROM batch_built
    )
    WINDOW before AS (ORDER BY seq)
) t ON t.seq < p.ready
ASOF LEFT JOIN (
    SELECT a.seq, sum(greatest(a.wall_us - b.wall_us, 0)) OVER (ORDER BY a.seq) AS paused_us
    FROM events a JOIN events b ON b.seq = a.seq - 1 WHERE a.kind IN ('run_resumed', 'run_forked')
) w ON w.seq < coalesce(nullif(p.ready, 0), p.seq);
COMMENT ON VIEW learning_curve IS
'One row a score of a policy version; its tokens and seconds are what it took to make it';

CREATE OR REPLACE VIEW spending AS
SELECT round, sampled_tokens, teacher_tokens,
    sum(sampled_tokens + teacher_tokens) OVER (ORDER BY round)::BIGINT AS spent_tokens
FROM (
    SELECT round, coalesce(sum(sampled_tokens), 0)::BIGINT AS sampled_tokens,
        coalesce(sum(teacher_tokens), 0)::BIGINT AS teacher_tokens
    FROM (
        SELECT round, sampled_tokens, 0 AS teacher_tokens FROM tokens_by_role
        UNION ALL SELECT round, 0, teacher_tokens FROM batch_built
        UNION ALL SELECT round, tokens, 0 FROM exam_taken
    ) GROUP BY round
);
COMMENT ON VIEW spending IS
'One row a round: tokens sampled, answer tokens scored again by a teacher, and both since the start';

CREATE OR REPLACE VIEW lineage AS
SELECT b.version, b.seq AS batch, e.seq AS source, e.kind, e.sender AS role,
    CASE WHEN e.kind = 'task_posed' THEN e.seq ELSE e.task END AS task,
    CASE WHEN e.kind IN ('attempt_made', 'attempt_revised') THEN e.seq
        ELSE (e.payload ->> '$.of')::BIGINT END AS attempt,
    e.policy_version AS sampled_with, p.sender AS posed_by, p.problem, e.round, e.episode
FROM (SELECT version, seq, unnest(sources) AS source FROM batch_built) b
JOIN events e ON e.seq = b.source
LEFT JOIN task_posed p ON p.seq = CASE WHEN e.kind = 'task_posed' THEN e.seq ELSE e.task END;
COMMENT ON VIEW lineage IS
'One row a source of a policy version: its batch, the events in it, their tasks and who posed them';

CREATE OR REPLACE VIEW rejections AS
SELECT r.seq, r.sender AS said_by, r.reason, r.text, r.length, r.sha256, r.cause, r.round, r.episode
FROM message_rejected r;
COMMENT ON VIEW rejections IS
'One row a message that broke a rule: whose it was, why, and its beginning';

CREATE OR REPLACE VIEW rescored AS
SELECT r.seq AS rescore, r.verifier, r.role, r.of AS answer, g.reward, r.reward AS new_reward,
    r.parts AS new_parts, r.first_wrong AS new_first_wrong, p.problem,
    coalesce(e.payload ->> '$.attempt', e.payload ->> '$.solution') AS solution,
    r.task, e.policy_version, r.round, r.episode
FROM answer_rescored r
LEFT JOIN answer_graded g ON g.of = r.of AND g.role = r.role
LEFT JOIN events e ON e.seq = r.of
LEFT JOIN task_posed p ON p.seq = r.task;
COMMENT ON VIEW rescored IS
'One row a solution and verifier of simctl rescore: the grade it had, and the new one beside it';

CREATE OR REPLACE VIEW health AS
SELECT round, unnest(map_keys(metrics)) AS metric, unnest(map_values(metrics)) AS value
FROM health_measured;
COMMENT ON VIEW health IS
'One row a round and number of its health: what was earned, posed, solved, repeated, said ...';

CREATE OR REPLACE VIEW alarms AS
SELECT a.seq AS alarm, a.name, a.since, a.round AS raised, min(o.round) AS over_in,
    a.value, a.bound, a.text
FROM alarm_raised a LEFT JOIN alarm_raised o ON o.name = a.name AND o.seq > a.seq AND o.over
WHERE NOT a.over GROUP BY ALL;
COMMENT ON VIEW alarms IS
'One row an alarm: what was beyond its bound, since which round, and when it was back';

CREATE OR REPLACE VIEW solves AS
SELECT a.round, a.task, p.sender AS posed_by, p.problem, c.difficulty, count(*) AS attempts,
    count(*) FILTER (coalesce(g.parts['correct'], g.reward) >= 1) AS solved,
    solved / attempts AS rate
FROM (
    SELECT seq, round, task FROM attempt_made WHERE hint = ''
    UNION ALL
    SELECT seq, round, task FROM action_taken WHERE turn = 1
) a
JOIN answer_graded g ON g.of = a.seq AND g.role = 'solver'
LEFT JOIN task_posed p ON p.seq = a.task
LEFT JOIN task_checked c ON c.task = a.task
GROUP BY ALL;
COMMENT ON VIEW solves IS
'One row a task that was attempted: which share of the first attempts without a hint is right';

CREATE OR REPLACE VIEW workers AS
WITH taking_part AS (
    SELECT worker, arg_max(roles, seq) AS roles, arg_max(machine, seq) AS machine,
        count(*) AS joined, max(seq) AS last_joined, min(wall_us) AS first_us
    FROM worker_joined GROUP BY worker
), leases AS (
    SELECT ask, arg_max(worker, seq) AS worker, max(seq) AS leased
    FROM (SELECT worker, unnest(asks) AS ask, seq FROM work_leased) GROUP BY ask
), expired AS (
    SELECT worker, unnest(asks) AS ask, seq FROM lease_expired
), answers AS (
    SELECT producer AS worker, count(DISTINCT cause) AS asks, sum(len(tokens)) AS tokens,
        max(wall_us) AS last_us
    FROM events
    WHERE producer IN (SELECT worker FROM taking_part) AND cause IS NOT NULL
        AND kind <> 'message_rejected'
    GROUP BY producer
)
SELECT t.worker, t.roles, coalesce(w.seq, 0) < t.last_joined AS here, t.joined, s.version,
    coalesce(h.held, 0) AS held, coalesce(a.asks, 0) AS answered, coalesce(a.tokens, 0) AS tokens,
    a.tokens / greatest((a.last_us - t.first_us) / 1e6, 1e-3) AS tokens_per_second,
    coalesce(x.lost, 0) AS expired, coalesce(r.rejected, 0) AS rejected,
    CASE WHEN coalesce(w.seq, 0) > t.last_joined THEN w.reason ELSE '' END AS reason, t.machine
FROM taking_part t
LEFT JOIN (
    SELECT worker, max(seq) AS seq, arg_max(reason, seq) AS reason FROM worker_left GROUP BY worker
) w ON w.worker = t.worker
LEFT JOIN (
    SELECT worker, arg_max(version, seq) AS version FROM worker_synced WHERE ok GROUP BY worker
) s ON s.worker = t.worker
LEFT JOIN (
    SELECT l.worker, count(*) AS held FROM leases l
    WHERE NOT EXISTS (
        SELECT 1 FROM events e
        WHERE e.cause = l.ask AND e.producer = l.worker AND e.kind <> 'message_rejected'
    ) AND NOT EXISTS (SELECT 1 FROM expired x WHERE x.ask = l.ask AND x.seq > l.leased)
    GROUP BY l.worker
) h ON h.worker = t.worker
LEFT JOIN answers a ON a.worker = t.worker
LEFT JOIN (SELECT worker, count(*) AS lost FROM expired GROUP BY worker) x ON x.worker = t.worker
LEFT JOIN (
    SELECT producer AS worker, count(*) AS rejected FROM events
    WHERE kind = 'message_rejected' GROUP BY producer
) r ON r.worker = t.worker;
COMMENT ON VIEW workers IS
'One row a worker: its roles, whether it takes part, what it holds and serves, what it has done';

CREATE OR REPLACE MACRO branch_events(b) AS TABLE
SELECT * FROM events WHERE branch = b;
COMMENT ON MACRO TABLE branch_events IS
'The events that were written on a branch: of a fork its own ones, without those it began with';

CREATE OR REPLACE MACRO state_at(b, until) AS TABLE
SELECT max(seq) AS seq, coalesce(max(round) FILTER (kind = 'round_started'), 0) AS round,
    coalesce(max(round) FILTER (kind = 'round_ended'), 0) AS rounds_ended,
    coalesce(max((payload ->> '$.version')::BIGINT) FILTER (kind = 'policy_updated'), 0) AS version,
    count(*) AS events, count(*) FILTER (kind = 'episode_ended') AS episodes,
    coalesce(sum(len(tokens)) FILTER (policy_version IS NOT NULL), 0)::BIGINT AS sampled_tokens,
    avg((payload ->> '$.reward')::DOUBLE) FILTER (kind = 'answer_graded') AS mean_reward,
    histogram(kind) AS kinds
FROM events WHERE seq <= until AND seq <= (SELECT max(seq) FROM events WHERE branch = b);
COMMENT ON MACRO TABLE state_at IS
'What stood after event `until`, or at the end of branch b if that is earlier: one row';

CREATE OR REPLACE VIEW flows AS
WITH shown AS (
    SELECT seq, round, episode, recipient, coalesce(
            try_cast(payload ->> '$.of' AS BIGINT), task, (payload ->> '$.parent_task')::BIGINT
        ) AS source,
        coalesce(payload ->> '$.critique', '') <> '' AS criticised,
        coalesce(payload ->> '$.hint', '') <> '' AS hinted
    FROM events WHERE sender = 'episode' AND recipient <> ''
)
SELECT a.seq, a.round, a.episode, coalesce(s.sender, 'society') AS said_by,
    a.recipient AS heard_by, coalesce(s.kind, 'curriculum_moved') AS what
FROM shown a LEFT JOIN events s ON s.seq = a.source
UNION ALL SELECT seq, round, episode, 'critic', recipient, 'critique_written'
FROM shown WHERE criticised
UNION ALL SELECT seq, round, episode, 'guide', recipient, 'hint_given' FROM shown WHERE hinted
UNION ALL SELECT seq, round, episode, 'environment', role, 'answer_graded' FROM answer_graded
UNION ALL SELECT b.seq, b.round, e.episode, e.sender, 'trainer', e.kind
FROM (SELECT seq, round, unnest(sources) AS source FROM batch_built) b
JOIN events e ON e.seq = b.source;
COMMENT ON VIEW flows IS
'One row a thing said and who was shown it: roles what others said, their grades, the trainer';
