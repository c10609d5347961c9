package store_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"groundwork/migrations"
)

// builtUnderLock are migrations since [concurrentSince] that build an index while writers wait, and why they may.
var builtUnderLock = map[string]string{
	"00056_took.sql": "it has landed; tasks and runs have few rows, and few of them at a time are written",
}

// concurrentSince is the first migration that must not make writers wait for an index.
const concurrentSince = "00044"

var (
	comment     = regexp.MustCompile(`--.*`)
	madeTable   = regexp.MustCompile(`(?i)CREATE\s+(?:TEMP\s+|UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)`)
	builtIndex  = regexp.MustCompile(`(?i)CREATE\s+(?:UNIQUE\s+)?INDEX\s+(CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?\w+\s+ON\s+(?:ONLY\s+)?"?(\w+)`)
	addedUnique = regexp.MustCompile(`(?is)ALTER\s+TABLE\s+(?:ONLY\s+)?"?(\w+)"?[^;]*?ADD\s+(?:CONSTRAINT\s+\w+\s+)?(?:PRIMARY\s+KEY|UNIQUE|EXCLUDE)\s*\(`)
	apart       = regexp.MustCompile(`(?m)^--\s*\+goose\s+NO\s+TRANSACTION`)
)

// waitsFor tells which tables a migration makes writers wait for while it builds an index on their rows.
func waitsFor(text string) (tables []string) {
	up, _, _ := strings.Cut(text, "-- +goose Down")
	concurrent := apart.MatchString(up)
	up = comment.ReplaceAllString(up, "")
	made := map[string]bool{}
	for _, m := range madeTable.FindAllStringSubmatch(up, -1) {
		made[m[1]] = true
	}
	for _, m := range builtIndex.FindAllStringSubmatch(up, -1) {
		if !made[m[2]] && (m[1] == "" || !concurrent) {
			tables = append(tables, m[2])
		}
	}
	for _, m := range addedUnique.FindAllStringSubmatch(up, -1) {
		if !made[m[1]] {
			tables = append(tables, m[1])
		}
	}
	return tables
}

// An index of a table that has rows is built while others write, in a migration that is no transaction.
func TestMigrationsBuildIndexesWhileOthersWrite(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations.FS, "*.sql")
	must(t, err)
	used := 0
	for _, name := range files {
		if name < concurrentSince {
			continue
		}
		text, err := fs.ReadFile(migrations.FS, name)
		must(t, err)
		tables := waitsFor(string(text))
		if len(tables) > 0 && builtUnderLock[name] == "" {
			t.Errorf("%s makes those who write into %s wait while it builds an index. Use CREATE INDEX CONCURRENTLY in a migration with -- +goose NO TRANSACTION (and ADD CONSTRAINT … USING INDEX)", name, strings.Join(tables, ", "))
		}
		if len(tables) > 0 {
			used++
		}
	}
	if used != len(builtUnderLock) {
		t.Errorf("%d migrations are excused, and %d need it", len(builtUnderLock), used)
	}
	for text, want := range map[string]string{
		"-- +goose Up\nCREATE INDEX a ON audit (seq);":                                                           "audit",
		"-- +goose Up\nCREATE UNIQUE INDEX CONCURRENTLY a ON audit (seq);":                                       "audit",
		"-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY IF NOT EXISTS a ON audit (seq);":      "",
		"-- +goose Up\nCREATE TABLE mine (x text);\nCREATE INDEX a ON mine (x);\n-- CREATE INDEX b ON audit (x)": "",
		"-- +goose Up\nSELECT 1;\n-- +goose Down\nCREATE INDEX a ON audit (seq);":                                "",
		"-- +goose Up\nALTER TABLE task_events DROP CONSTRAINT k, ADD PRIMARY KEY (run, id);":                    "task_events",
		"-- +goose Up\nALTER TABLE runs ADD CONSTRAINT k UNIQUE USING INDEX a;":                                  "",
	} {
		if got := strings.Join(waitsFor(text), " "); got != want {
			t.Errorf("%q waits for %q, want %q", text, got, want)
		}
	}
}
