#!/usr/bin/env bash
# First start of the database: one role each for us and for Temporal, neither a superuser.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
  --set tripsaga="$TRIPSAGA_DB_PASSWORD" --set temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE tripsaga LOGIN PASSWORD :'tripsaga';
CREATE DATABASE tripsaga OWNER tripsaga;
-- Temporal's auto-setup makes its two databases itself.
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal';
SQL
