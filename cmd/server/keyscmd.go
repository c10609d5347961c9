package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"groundwork/onboarding"
	"groundwork/store"
	"groundwork/vault"
)

// keysCmd changes the keyset in stages, and each command says which comes next. Servers read the keyset at their start:
// one that has the stage before and one that has the stage after open each other's values.
type keysCmd struct {
	List    keysListCmd    `cmd:"" help:"List the keys, and how many stored values each of them sealed."`
	Add     keysAddCmd     `cmd:"" help:"Add a new key, which opens and does not seal yet. Then restart every server."`
	Promote keysPromoteCmd `cmd:"" help:"Let a key seal, authenticate, or sign from now on. Then restart every server."`
	Reseal  keysResealCmd  `cmd:"" help:"Seal what is stored with the key that seals now. Servers may keep running."`
	Disable keysDisableCmd `cmd:"" help:"Disable a key so that it no longer opens anything, if no stored value needs it. Then restart every server."`
	Enable  keysEnableCmd  `cmd:"" help:"Take disable back."`
	Delete  keysDeleteCmd  `cmd:"" help:"Remove a disabled key for good, if no stored value needs it."`
}

// keysetFile is the keyset of the keys commands.
type keysetFile struct {
	kmsFlags
	File string `help:"The keyset's file, which is replaced." env:"KEYSET_FILE" required:"" type:"path"`
}

func (f keysetFile) read(ctx context.Context) (*vault.Keyset, error) {
	text, err := os.ReadFile(f.File)
	if err != nil {
		return nil, fmt.Errorf("read the keyset: %w", err)
	}
	var k *vault.Keyset
	if f.KMSKey == "" {
		k, err = vault.ReadKeyset(text)
	} else {
		k, err = vault.ReadSealedKeyset(ctx, text, f.kms())
	}
	if err != nil {
		return nil, fmt.Errorf("%s could not be opened, and stays as it is: %w", f.File, err)
	}
	return k, nil
}

// change replaces the file by what do makes of it, and says so in the security log.
func (f keysetFile) change(ctx context.Context, s streams, what string, do func(*vault.Keyset) error) (err error) {
	defer func() { operated(ctx, s, onboarding.SecurityKeyChanged, "keys "+what, err) }()
	k, err := f.read(ctx)
	if err != nil {
		return err
	}
	if err := do(k); err != nil {
		return fmt.Errorf("%s stays as it is: %w", f.File, err)
	}
	text, err := k.JSON()
	if err != nil {
		return fmt.Errorf("%s stays as it is: %w", f.File, err)
	}
	return replaceFile(f.File, append(text, '\n'))
}

// replaceFile writes beside the file, then renames over it: a crash leaves the one or the other. The new file can be
// read by this user alone.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".keyset-")
	if err != nil {
		return fmt.Errorf("write the new keyset: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the new keyset: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// restart is what follows each change of the file.
const restart = "Give the file to every server, see that they can read it, and restart them all"

type keysAddCmd struct {
	keysetFile
	Authenticates bool `help:"The key authenticates what is stored, and seals nothing. It is used once it is promoted." xor:"use"`
	Sessions      bool `help:"The key seals what waits in sessions, such as a link that is shown once, and nothing that is kept. It is used once it is promoted." xor:"use"`
	Signs         bool `help:"The key signs the audit's roots, and seals nothing. It is used once it is promoted." xor:"use"`
}

func (c keysAddCmd) Run(ctx context.Context, s streams) error {
	use := vault.Seals
	switch {
	case c.Authenticates:
		use = vault.Authenticates
	case c.Signs:
		use = vault.Signs
	case c.Sessions:
		use = vault.Sessions
	}
	var id uint32
	err := c.change(ctx, s, "add", func(k *vault.Keyset) (err error) {
		id, err = k.Add(use)
		return err
	})
	if err == nil {
		fmt.Fprintf(s.Out, "%d\n", id)
	}
	if err == nil {
		fmt.Fprintf(s.Err, "The key %d is added and not used yet. %s, then: groundwork keys promote %d\n", id, restart, id)
	}
	return err
}

// keyArg is the key that a command is about.
type keyArg struct {
	ID uint32 `arg:"" name:"key" help:"The key's number, as keys list prints it."`
}

type keysPromoteCmd struct {
	keysetFile
	keyArg
}

func (c keysPromoteCmd) Run(ctx context.Context, s streams) error {
	err := c.change(ctx, s, "promote", func(k *vault.Keyset) error { return k.Promote(c.ID) })
	if err == nil {
		fmt.Fprintf(s.Err, "The key %d is used from now on. %s, then: groundwork keys reseal, if it seals, or groundwork keys disable, for the older one of its kind\n", c.ID, restart)
	}
	return err
}

type keysEnableCmd struct {
	keysetFile
	keyArg
}

func (c keysEnableCmd) Run(ctx context.Context, s streams) error {
	err := c.change(ctx, s, "enable", func(k *vault.Keyset) error { return k.Enable(c.ID) })
	if err == nil {
		fmt.Fprintf(s.Err, "The key %d opens again. %s.\n", c.ID, restart)
	}
	return err
}

// keysFlags are the keyset and the database that holds what it sealed.
type keysFlags struct {
	keysetFile
	databaseFlags
}

// unneeded takes a key away by do, if no stored value is sealed by it.
func (f keysFlags) unneeded(ctx context.Context, s streams, what string, id uint32, do func(*vault.Keyset, *store.Store) error) error {
	db, err := f.databaseFlags.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	counts, err := sealedBy(ctx, db)
	if err != nil {
		return err
	}
	return f.change(ctx, s, what, func(k *vault.Keyset) error {
		if err := do(k, db); err != nil {
			return err
		}
		if n := counts[id]; n > 0 {
			return fmt.Errorf("%d stored values are sealed by the key %d. Run `groundwork keys reseal` first", n, id)
		}
		return nil
	})
}

// sealedBy counts the stored values by the key that sealed them; 0 stands for values that name none.
func sealedBy(ctx context.Context, db *store.Store) (map[uint32]int, error) {
	counts, err := db.SealedCounts(ctx)
	if err != nil {
		return nil, err
	}
	by := map[uint32]int{}
	for _, c := range counts {
		id, _ := vault.KeyOf(c.Prefix)
		by[id] += c.N
	}
	return by, nil
}

type keysDisableCmd struct {
	keysFlags
	keyArg
	DespiteCodes bool `help:"Disable a key that authenticates although codes that it made are still needed: what they cover must then be approved, given, confirmed, or read again."`
}

func (c keysDisableCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if problems := append([]string(files), c.problems()...); len(problems) > 0 {
		return report(s, "keys disable", problems)
	}
	err := c.unneeded(ctx, s, "disable", c.ID, func(k *vault.Keyset, db *store.Store) error {
		if err := k.Disable(c.ID); err != nil || c.DespiteCodes {
			return err
		}
		return neededCodes(ctx, db, c.ID)
	})
	if err == nil {
		fmt.Fprintf(s.Err, "The key %d no longer opens or authenticates anything. %s; if a value does not open then, reverse it: groundwork keys enable %d. After a day without problems: groundwork keys delete %d\n", c.ID, restart, c.ID, c.ID)
	}
	return err
}

// withoutCodes says what happens to what codes cover when the key that made them is disabled.
var withoutCodes = []struct {
	kind store.CodeKind
	what string
}{
	{store.CodesOfRuns, "unfinished runs: their plans must be approved again"},
	{store.CodesOfConsents, "held consents: customers must give them again"},
	{store.CodesOfSettings, "settings: not used until an administrator confirms and saves them again"},
	{store.CodesOfReadings, "checks of projects: shown without commands until they are made again"},
	{store.CodesOfRecords, "handover records: neither sent nor downloaded until their verification runs again"},
	{store.CodesOfEnded, "ended runs: their pages show plans without commands for good"},
}

// neededCodes is an error if a key made codes that are still needed, and says what disabling it does to what they cover.
func neededCodes(ctx context.Context, db *store.Store, id uint32) error {
	counts, err := db.CodeCounts(ctx)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, w := range withoutCodes {
		for _, c := range counts {
			if key, _ := vault.KeyOf(c.Prefix); key == id && c.Kind == w.kind {
				fmt.Fprintf(&lines, "  %d %s\n", c.N, w.what)
			}
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	return fmt.Errorf(`codes that the key %d made are still needed. Once it is disabled, they count as wrong:
%sEveryone signs in again whose session has such a code.
No command makes these codes again. To lose fewer of them, promote another key that authenticates, restart every server, and come back after a day: sessions and consents have codes of that key by then. Unfinished runs get one when they are retried, and settings when their group is saved. Then disable the key despite the codes that are left: groundwork keys disable %d --despite-codes`, id, lines.String(), id)
}

type keysDeleteCmd struct {
	keysFlags
	keyArg
}

func (c keysDeleteCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if problems := append([]string(files), c.problems()...); len(problems) > 0 {
		return report(s, "keys delete", problems)
	}
	err := c.unneeded(ctx, s, "delete", c.ID, func(k *vault.Keyset, _ *store.Store) error { return k.Delete(c.ID) })
	if err == nil {
		fmt.Fprintf(s.Err, "The key %d is gone, and with it what it sealed in backups of the database.\n", c.ID)
	}
	return err
}

type keysListCmd struct{ keysFlags }

// Run prints a line a key, oldest first. It counts values where there is a database, and ends with status 1 if a value
// needs a key that is not in the file.
func (c keysListCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if len(files) > 0 {
		return report(s, "keys list", files)
	}
	k, err := c.read(ctx)
	if err != nil {
		return err
	}
	keys, err := k.Keys()
	if err != nil {
		return err
	}
	counted := func(uint32) string { return "" }
	var counts map[uint32]int
	if c.DatabaseURL != "" {
		db, err := c.databaseFlags.open(ctx)
		if err != nil {
			return err
		}
		defer db.Close()
		if counts, err = sealedBy(ctx, db); err != nil {
			return err
		}
		counted = func(id uint32) string { return fmt.Sprintf("  %d values", counts[id]) }
	}
	for _, key := range keys {
		if key.Use != vault.Seals && key.Enabled {
			fmt.Fprintf(s.Out, "%-10d  %s\n", key.ID, key.Use)
			continue
		}
		state := "opens"
		switch {
		case key.Primary:
			state = "seals"
		case !key.Enabled:
			state = "disabled"
		}
		fmt.Fprintf(s.Out, "%-10d  %-8s%s\n", key.ID, state, counted(key.ID))
		if key.Enabled {
			delete(counts, key.ID)
		}
	}
	lost := 0
	for id, n := range counts {
		lost += n
		if !slices.ContainsFunc(keys, func(k vault.Key) bool { return k.ID == id }) {
			fmt.Fprintf(s.Out, "%-10d  %-8s  %d values\n", id, "missing", n)
		}
	}
	if lost > 0 {
		fmt.Fprintf(s.Err, "%d values do not open with this keyset. Find the keyset file that has their keys, or enable them\n", lost)
		return errReported
	}
	return nil
}

type keysResealCmd struct{ keysFlags }

// resealBatch is how many places of values are read at a time; each value is read and replaced by itself.
const resealBatch = 500

// Run may be stopped and run again at any time: what is sealed by the primary key already is left alone.
func (c keysResealCmd) Run(ctx context.Context, s streams, files fileProblems) error {
	if problems := append([]string(files), c.problems()...); len(problems) > 0 {
		return report(s, "keys reseal", problems)
	}
	k, err := c.read(ctx)
	if err != nil {
		return err
	}
	keys, err := k.Keys()
	if err != nil {
		return err
	}
	seals := keys[slices.IndexFunc(keys, func(k vault.Key) bool { return k.Primary })]
	v, err := k.Vault()
	if err != nil {
		return err
	}
	db, err := c.databaseFlags.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	resealed, closed := 0, 0
	var last store.Sealed
	for {
		values, err := db.SealedElsewise(ctx, seals.Prefix(), last, resealBatch)
		if err != nil {
			return err
		}
		if len(values) == 0 {
			break
		}
		for _, old := range values {
			var closedBy error
			replaced, err := db.Reseal(ctx, old, seals.Prefix(), func(value []byte) (sealed []byte, err error) {
				sealed, closedBy = v.Reseal(old.To, value)
				return sealed, closedBy
			})
			if closedBy != nil {
				closed++
				fmt.Fprintf(s.Err, "%s of %s does not open with this keyset\n", old.To.Purpose, old.To.Onboarding)
				continue
			}
			if err != nil {
				return err
			}
			if replaced {
				resealed++
			}
		}
		last = values[len(values)-1]
	}
	counts, err := sealedBy(ctx, db)
	if err != nil {
		return err
	}
	left := -counts[seals.ID]
	for _, n := range counts {
		left += n
	}
	fmt.Fprintf(s.Out, "%d values resealed by the key %d\n", resealed, seals.ID)
	if left > 0 {
		fmt.Fprintf(s.Err, "%d values are sealed by other keys, %d of which do not open. Restart every server with the keyset in which the key %d seals, and run this again\n", left, closed, seals.ID)
		return errReported
	}
	fmt.Fprintln(s.Err, "No value needs another key. Next: groundwork keys disable, for each older key of groundwork keys list")
	return nil
}
