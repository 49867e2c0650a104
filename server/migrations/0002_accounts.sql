-- Who can sign in with what: sign-ins with their refresh tokens, and API tokens.

-- One sign-in and every token that descends from it.
CREATE TABLE families (
    id          TEXT   PRIMARY KEY,
    member      TEXT   NOT NULL REFERENCES users (id),
    device      TEXT   NOT NULL,
    device_kind TEXT   NOT NULL,
    device_name TEXT   NOT NULL,
    -- Random bytes (hex) that its refresh tokens are sealed with; they never leave the server.
    nonce       TEXT   NOT NULL,
    -- The newest refresh token that was handed out.
    newest      BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    used_at     BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    revoked_at  BIGINT
);
CREATE INDEX families_member ON families (member);
CREATE INDEX families_expires ON families (expires_at);

CREATE TABLE api_tokens (
    id          TEXT   PRIMARY KEY,
    name        TEXT   NOT NULL,
    -- SHA-256 (hex) of its secret.
    secret_hash TEXT   NOT NULL,
    -- Names, separated by spaces.
    scopes      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    revoked_at  BIGINT
);

CREATE TABLE api_token_projects (
    token   TEXT NOT NULL REFERENCES api_tokens (id),
    project TEXT NOT NULL REFERENCES projects (id),
    PRIMARY KEY (token, project)
);
