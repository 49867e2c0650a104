-- The core: who there is, what happened (journal), what is (domain tables), and which commands were applied.
--
-- Plain SQL that SQLite and PostgreSQL both take: ids are text, times are milliseconds since 1970, parts that are only
-- ever read whole are JSON text.

-- `epoch`: the life of the journal. `journal`: the id given to the newest journal row, so that ids rise in commit order.
CREATE TABLE meta (
    key   TEXT   PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE users (
    id            TEXT   PRIMARY KEY,
    name          TEXT   NOT NULL UNIQUE,
    display_name  TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    disabled_at   BIGINT,
    last_seen     BIGINT
);
CREATE INDEX users_disabled ON users (disabled_at) WHERE disabled_at IS NOT NULL;

CREATE TABLE projects (
    id         TEXT   PRIMARY KEY,
    name       TEXT   NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    -- How many analyses were started: the number of the latest.
    analyses   BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE memberships (
    project      TEXT   NOT NULL REFERENCES projects (id),
    member       TEXT   NOT NULL REFERENCES users (id),
    role         TEXT   NOT NULL,
    -- The number of the `project:member:added` in the project's room: a position before it is of an earlier membership.
    admitted_seq BIGINT NOT NULL,
    PRIMARY KEY (project, member)
);
CREATE INDEX memberships_member ON memberships (member);

-- The head of each room's journal. It outlives the rows, which are pruned.
CREATE TABLE rooms (
    room TEXT   PRIMARY KEY,
    seq  BIGINT NOT NULL,
    tag  BIGINT NOT NULL
);

CREATE TABLE journal (
    id   BIGINT PRIMARY KEY,
    room TEXT   NOT NULL,
    seq  BIGINT NOT NULL,
    tag  BIGINT NOT NULL,
    at   BIGINT NOT NULL,
    -- The event exactly as it travels.
    body TEXT   NOT NULL,
    UNIQUE (room, seq)
);
CREATE INDEX journal_at ON journal (at);

CREATE TABLE commands (
    principal TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    body_hash TEXT   NOT NULL,
    answer    TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (principal, id)
);
CREATE INDEX commands_at ON commands (at);

CREATE TABLE analyses (
    id           TEXT   PRIMARY KEY,
    project      TEXT   NOT NULL REFERENCES projects (id),
    number       BIGINT NOT NULL,
    state        TEXT   NOT NULL,
    started_by   TEXT   NOT NULL,
    -- Who holds the lease: the principal, and for a member the device.
    holder       TEXT   NOT NULL,
    -- Whether it ended because its runner was lost.
    runner_lost  BIGINT NOT NULL DEFAULT 0,
    runner       TEXT   NOT NULL,
    root         TEXT   NOT NULL,
    branch       TEXT,
    revision     TEXT,
    files        BIGINT NOT NULL,
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT,
    counts       TEXT   NOT NULL,
    usual_ms     BIGINT,
    -- The name of who asked to cancel it.
    cancelled_by TEXT,
    reason       TEXT,
    UNIQUE (project, number)
);
CREATE INDEX analyses_open ON analyses (state) WHERE ended_at IS NULL;

CREATE TABLE detector_runs (
    analysis TEXT   NOT NULL REFERENCES analyses (id),
    position BIGINT NOT NULL,
    name     TEXT   NOT NULL,
    version  TEXT,
    state    TEXT   NOT NULL,
    reason   TEXT,
    counts   TEXT   NOT NULL,
    ms       BIGINT NOT NULL,
    usual_ms BIGINT,
    PRIMARY KEY (analysis, position),
    UNIQUE (analysis, name)
);

CREATE TABLE issues (
    analysis    TEXT   NOT NULL REFERENCES analyses (id),
    detector    TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    -- 0 is critical, 4 is info.
    severity    BIGINT NOT NULL,
    rule        TEXT   NOT NULL,
    message     TEXT   NOT NULL,
    path        TEXT   NOT NULL,
    line        BIGINT NOT NULL,
    col         BIGINT,
    end_line    BIGINT,
    help        TEXT,
    PRIMARY KEY (analysis, detector, fingerprint)
);

CREATE TABLE notifications (
    id      TEXT   PRIMARY KEY,
    member  TEXT   NOT NULL REFERENCES users (id),
    seq     BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    level   TEXT   NOT NULL,
    title   TEXT   NOT NULL,
    body    TEXT   NOT NULL,
    project TEXT,
    link    TEXT,
    at      BIGINT NOT NULL,
    read_at BIGINT,
    UNIQUE (member, seq)
);

CREATE TABLE activity (
    id      TEXT   PRIMARY KEY,
    project TEXT   NOT NULL REFERENCES projects (id),
    at      BIGINT NOT NULL,
    author  TEXT   NOT NULL,
    what    TEXT   NOT NULL
);
CREATE INDEX activity_newest ON activity (project, at, id);

INSERT INTO meta (key, value) VALUES ('journal', 0);
