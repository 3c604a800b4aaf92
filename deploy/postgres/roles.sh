#!/bin/sh
# Runs once, when the data folder is new: an owner for the tables, a role for the service, an empty database.
set -eu
psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --no-psqlrc <<'SQL'
\getenv owner DB_OWNER_USER
\getenv owner_password DB_OWNER_PASSWORD
\getenv application DB_USER
\getenv application_password DB_PASSWORD
\getenv database DB_NAME
CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password';
CREATE ROLE :"application" LOGIN PASSWORD :'application_password';
CREATE DATABASE :"database" OWNER :"owner";
SQL
