CREATE TABLE log_header (
    format INTEGER NOT NULL,
    run VARCHAR NOT NULL,
    branch VARCHAR NOT NULL,
    written_by VARCHAR NOT NULL
);
COMMENT ON TABLE log_header IS 'One row: which run this log belongs to and the format of the log';

-- no PRIMARY KEY or UNIQUE: an index costs up to 3x on inserts and 6.6x on size, and the
-- sequencer and the hash chain keep the order
CREATE TABLE events (
    run VARCHAR NOT NULL,
    branch VARCHAR NOT NULL,
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    producer VARCHAR NOT NULL,
    epoch BIGINT NOT NULL,
    pseq BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    schema INTEGER NOT NULL,
    sender VARCHAR NOT NULL,
    recipient VARCHAR NOT NULL,
    episode VARCHAR NOT NULL,
    round BIGINT NOT NULL,
    cause BIGINT,
    task BIGINT,
    policy_version BIGINT,
    wall_us BIGINT NOT NULL,
    payload VARCHAR NOT NULL,
    prompt_tokens INTEGER[],
    tokens INTEGER[],
    logprobs FLOAT[],
    prev_hash VARCHAR NOT NULL,
    hash VARCHAR NOT NULL
);
COMMENT ON TABLE events IS 'Everything that happened, in order: all other views are made of it';
COMMENT ON COLUMN events.seq IS 'Place in the log: gapless from 1';
COMMENT ON COLUMN events.producer IS 'Who numbered it: a role, an episode, society or trainer';
COMMENT ON COLUMN events.epoch IS 'Which life of the producer';
COMMENT ON COLUMN events.pseq IS 'The number that the producer gave it: gapless from 0';
COMMENT ON COLUMN events.cause IS 'seq of the event that led to this one';
COMMENT ON COLUMN events.task IS 'seq of the task that it is about';
COMMENT ON COLUMN events.wall_us IS 'Wall time in microseconds since 1970; orders nothing';
COMMENT ON COLUMN events.payload IS 'The message as canonical JSON';
COMMENT ON COLUMN events.prompt_tokens IS 'What the model was shown; null unless a model spoke';
COMMENT ON COLUMN events.tokens IS 'What the model said';
COMMENT ON COLUMN events.logprobs IS 'Log-probability of each said token, as sampled';
COMMENT ON COLUMN events.hash IS 'Hash of what happened on top of prev_hash';
