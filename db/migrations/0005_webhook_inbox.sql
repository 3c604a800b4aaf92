-- What gateways told us, byte for byte, before anyone acted on it; by month of arrival.
CREATE TABLE webhook_inbox (
    id          uuid        NOT NULL,
    arrived_at  timestamptz NOT NULL,
    gateway     text        NOT NULL,
    event_id    text        NOT NULL,
    payment_id  uuid,                               -- whom the secret path named, where there was one
    body        bytea       NOT NULL,               -- encrypted
    state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'parked')),
    outcome     text,
    attempts    integer     NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    PRIMARY KEY (id, arrived_at)
) PARTITION BY RANGE (arrived_at);
CREATE INDEX ON webhook_inbox (next_try_at) WHERE state = 'waiting';

CREATE TABLE inbox_events (
    gateway    text        NOT NULL,
    event_id   text        NOT NULL,
    arrived_at timestamptz NOT NULL,
    PRIMARY KEY (gateway, event_id)
);
CREATE INDEX ON inbox_events USING brin (arrived_at);
