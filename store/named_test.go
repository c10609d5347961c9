package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"groundwork/store"
)

// A statement that is read but once gets what pgx gives it, whatever its arguments are the next time.
func TestNamesAreWherePgxFindsThem(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		`SELECT 1`,
		`SELECT @a, @b::text, @a`,
		`SELECT @b WHERE x @> '{"@a": 1}' AND y = @_c2 -- and not @a`,
		`SELECT "@a", e'it\'s @b', /* @a */ @b, $1`,
		`SELECT @none, 'kim@vendor.example'`,
	} {
		for _, args := range []map[string]any{{"a": 1, "b": "two", "_c2": nil}, {"b": 2.5, "more": true}, {}} {
			want, wanted, err := pgx.NamedArgs(args).RewriteQuery(t.Context(), nil, sql, nil)
			must(t, err)
			got, values, err := store.ByName(args).RewriteQuery(t.Context(), nil, sql, nil)
			must(t, err)
			if diff := cmp.Diff([]any{want, wanted}, []any{got, values}); diff != "" {
				t.Errorf("%s with %v:\n%s", sql, args, diff)
			}
		}
	}
}
