-- What customers pay with again. A card is a name at Stripe, never a number; a phone is encrypted.
CREATE TABLE payment_methods (
    id             uuid     PRIMARY KEY,            -- names the moment it was saved
    user_id        uuid     NOT NULL,
    type           text     NOT NULL,
    likeness       bytea    NOT NULL,               -- blinded: of the card (and its expiry) or the phone
    saved_by       bytea,                           -- blinded: the token it was saved by last
    brand          text,
    last4          text,
    exp_month      smallint,
    exp_year       smallint,
    gateway_method text     UNIQUE,                 -- Stripe's name of it …
    customer       text,                            -- … and of the customer whom it is attached to
    phone          bytea,                           -- encrypted
    UNIQUE (user_id, likeness),                     -- the same card again is the same method
    CHECK (type = 'MPESA' AND phone IS NOT NULL OR gateway_method IS NOT NULL AND customer IS NOT NULL)
);

-- Which one a user prefers: one at most. Who has said nothing prefers the oldest.
CREATE TABLE default_methods (
    user_id   uuid PRIMARY KEY,
    method_id uuid NOT NULL UNIQUE REFERENCES payment_methods ON DELETE CASCADE
);

-- A user's customer at Stripe, the same one for ever.
CREATE TABLE gateway_customers (
    account  text NOT NULL,                         -- live, test, or a stand-in
    user_id  uuid NOT NULL,
    customer text NOT NULL,
    PRIMARY KEY (account, user_id)
);

-- What Stripe may have attached and we do not keep, yet or any more: it is detached when it is due.
CREATE TABLE unkept_methods (
    id             uuid        PRIMARY KEY,         -- of the method that it would be, or was
    user_id        uuid        NOT NULL,
    saved_by       bytea,                           -- blinded: the token that is being saved; null once it is leaving
    gateway_method text,                            -- null until Stripe has named it: then nothing is attached
    leaving        boolean     NOT NULL DEFAULT false,
    due_at         timestamptz NOT NULL,
    UNIQUE (user_id, saved_by)
);
CREATE INDEX ON unkept_methods (due_at);
