-- The client's cache. Times are milliseconds since 1970, ids are UUIDs as text, `data` is the wire's JSON.
-- `sweep` is the rebuild (resync) of its room in which a row was last seen; older ones go when the rebuild ends.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Where this device stands in each room's journal. No position: the room was never in step.
CREATE TABLE rooms (
    room       TEXT PRIMARY KEY,
    epoch      INTEGER,
    seq        INTEGER,
    tag        INTEGER,
    sweep      INTEGER NOT NULL DEFAULT 0,
    head_epoch INTEGER, -- while a rebuild runs: the position that its last page leads to
    head_seq   INTEGER,
    head_tag   INTEGER
) WITHOUT ROWID;

-- The projects that the account belongs to (swept with the member's own room).
CREATE TABLE projects (
    id    TEXT PRIMARY KEY,
    name  TEXT NOT NULL,
    data  TEXT NOT NULL,
    sweep INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE members (
    project TEXT NOT NULL,
    user    TEXT NOT NULL,
    data    TEXT NOT NULL,
    sweep   INTEGER NOT NULL,
    PRIMARY KEY (project, user)
) WITHOUT ROWID;

-- The latest values: presence and progress, as last heard.
CREATE TABLE board (
    room  TEXT NOT NULL,
    event TEXT NOT NULL,
    key   TEXT NOT NULL,
    at    INTEGER NOT NULL,
    data  TEXT NOT NULL,
    PRIMARY KEY (room, event, key)
) WITHOUT ROWID;

CREATE TABLE analyses (
    id      TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    number  INTEGER NOT NULL,
    state   TEXT NOT NULL,
    total   INTEGER NOT NULL,
    data    TEXT NOT NULL,
    sweep   INTEGER NOT NULL
);
CREATE INDEX analyses_by_number ON analyses (project, number);

CREATE TABLE issues (
    analysis    TEXT NOT NULL,
    detector    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    severity    INTEGER NOT NULL, -- 0 is the worst
    path        TEXT NOT NULL,
    line        INTEGER NOT NULL,
    data        TEXT NOT NULL,
    sweep       INTEGER NOT NULL,
    PRIMARY KEY (analysis, detector, fingerprint)
);
CREATE INDEX issues_in_order ON issues (analysis, severity, path, line, detector, fingerprint);

CREATE TABLE activity (
    id      TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    at      INTEGER NOT NULL,
    data    TEXT NOT NULL,
    sweep   INTEGER NOT NULL
);
CREATE INDEX activity_by_time ON activity (project, at, id);

CREATE TABLE notifications (
    id      TEXT PRIMARY KEY,
    seq     INTEGER NOT NULL,
    project TEXT,
    at      INTEGER NOT NULL,
    read_at INTEGER,
    data    TEXT NOT NULL,
    sweep   INTEGER NOT NULL
);
CREATE INDEX notifications_by_seq ON notifications (seq);
CREATE INDEX notifications_unread ON notifications (project, seq) WHERE read_at IS NULL;

-- The popup ledger: what was decided about a notification, written before anything is shown.
CREATE TABLE popups (
    notification TEXT PRIMARY KEY,
    shown        TEXT NOT NULL,
    at           INTEGER NOT NULL
) WITHOUT ROWID;

-- Durable commands, in order, until the server has answered and the answer's event has arrived here.
CREATE TABLE outbox (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    room     TEXT,
    name     TEXT NOT NULL,
    bytes    INTEGER NOT NULL,
    alone    INTEGER NOT NULL, -- nothing else may be on its way with it
    settled_room TEXT,    -- answered: it stays in sight until that room's position
    settled_seq  INTEGER, -- has reached this number
    frame    TEXT NOT NULL
);
CREATE INDEX outbox_settled ON outbox (settled_room, settled_seq) WHERE settled_room IS NOT NULL;
CREATE INDEX outbox_by_name ON outbox (name);
