-- What was revoked lately is looked for all the time.

CREATE INDEX families_revoked ON families (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_tokens_revoked ON api_tokens (revoked_at) WHERE revoked_at IS NOT NULL;
