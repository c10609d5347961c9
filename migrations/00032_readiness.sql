-- +goose Up
-- Each process compares the schema with the one that it was made for.
GRANT SELECT ON goose_db_version TO groundwork_app, groundwork_staff;

-- +goose Down
REVOKE SELECT ON goose_db_version FROM groundwork_app, groundwork_staff;
