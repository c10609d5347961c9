// Package migrations holds the numbered SQL of the database, embedded. It knows nothing of who runs it: store's
// Migrate does, as the owner, under a session lock.
//
// Expand, then contract: a release must run on the schema of the one before and of the one after. Row-level
// security is forced, so it binds the owner too: a migration that rewrites customers' rows must lift it for
// itself (ALTER TABLE … NO FORCE ROW LEVEL SECURITY) and restore it in the same transaction.
package migrations

import "embed"

// FS holds the migrations, goose's format.
//
//go:embed *.sql
var FS embed.FS
