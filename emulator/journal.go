package emulator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// journal is an append-only file of entries, one JSON line each: a line is one request with all that it changed,
// so a line cut off by a crash loses a request that was not answered, and nothing by halves.
type journal struct {
	file    *os.File // nil: in memory
	lock    *os.File
	closed  bool
	loaders map[string]loader
	pending entry
}

// entry is a line of the journal.
type entry struct {
	Seq  uint64                     `json:"seq,omitempty"`
	Put  map[string]json.RawMessage `json:"put,omitempty"` // by "kind/key"; null: deleted
	Call *Call                      `json:"call,omitempty"`
}

// loader is a table seen by the journal.
type loader interface {
	load(key string, v json.RawMessage) error
	dump(put func(key string, v any) error) error
	clear()
}

// table holds one kind of object by key. Values are copies: change one and put it back.
type table[T any] struct {
	e    *Emulator
	kind string
	m    map[string]T
}

// newTable makes the table of a kind; its name is stored and must be unique. Call it only while registering.
func newTable[T any](e *Emulator, kind string) *table[T] {
	t := &table[T]{e: e, kind: kind, m: map[string]T{}}
	if e.journal.loaders == nil {
		e.journal.loaders = map[string]loader{}
	}
	if _, ok := e.journal.loaders[kind]; ok || strings.Contains(kind, "/") {
		panic("emulator: bad or repeated kind " + kind)
	}
	e.journal.loaders[kind] = t
	return t
}

// get returns the object; its slices and maps are shared with the table and must be replaced, not written.
func (t *table[T]) get(key string) (T, bool) { v, ok := t.m[key]; return v, ok }

// put stores and journals the object.
func (t *table[T]) put(key string, v T) {
	t.m[key] = v
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("emulator: %s/%s does not marshal: %v", t.kind, key, err))
	}
	t.e.journal.record(t.kind+"/"+key, raw)
}

// delete removes the object, if it is there.
func (t *table[T]) delete(key string) {
	if _, ok := t.m[key]; ok {
		delete(t.m, key)
		t.e.journal.record(t.kind+"/"+key, json.RawMessage("null"))
	}
}

// keys are the sorted keys with the prefix.
func (t *table[T]) keys(prefix string) []string {
	var out []string
	for k := range t.m {
		if strings.HasPrefix(k, prefix) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func (t *table[T]) load(key string, raw json.RawMessage) error {
	if string(raw) == "null" {
		delete(t.m, key)
		return nil
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	t.m[key] = v
	return nil
}

func (t *table[T]) dump(put func(string, any) error) error {
	for _, k := range slices.Sorted(maps.Keys(t.m)) {
		if err := put(t.kind+"/"+k, t.m[k]); err != nil {
			return err
		}
	}
	return nil
}

func (t *table[T]) clear() {
	for _, k := range t.keys("") {
		t.delete(k)
	}
}

func (j *journal) record(key string, raw json.RawMessage) {
	if j.pending.Put == nil {
		j.pending.Put = map[string]json.RawMessage{}
	}
	j.pending.Put[key] = raw
}

var errClosed = errors.New("the emulator is closed")

// commit writes what the request in hand changed, and the call, as one line; mu is held. The data reaches the
// operating system before the answer is sent, so killing the process loses nothing (a power cut may).
func (e *Emulator) commit(c *Call) error {
	j := &e.journal
	if j.closed {
		return errClosed
	}
	p := j.pending
	j.pending = entry{}
	if c != nil {
		e.calls = append(e.calls, *c)
		if n := len(e.calls) - e.cfg.MaxCalls; n > e.cfg.MaxCalls/4 {
			e.calls = slices.Clone(e.calls[n:])
		}
	}
	if j.file == nil {
		return nil
	}
	p.Seq, p.Call = e.seq, c
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := j.file.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func (j *journal) close() error {
	if j.closed {
		return nil
	}
	j.closed = true
	if j.file == nil {
		return nil
	}
	return errors.Join(j.file.Close(), j.lock.Close())
}

// open reads the journal of Config.Dir and rewrites it without what was superseded.
func (e *Emulator) open() error {
	if e.cfg.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(e.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(e.cfg.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	// The system lets go of the lock when the process ends, however it ends.
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return fmt.Errorf("journal %s: another emulator uses it: %w", e.cfg.Dir, err)
	}
	if err := e.load(); err != nil {
		_ = lock.Close()
		return err
	}
	e.journal.lock = lock
	return nil
}

func (e *Emulator) load() error {
	path := filepath.Join(e.cfg.Dir, "cloud.jsonl")
	if err := e.replay(path); err != nil {
		return fmt.Errorf("journal %s: %w", path, err)
	}
	e.forgetTokens()
	e.journal.pending = entry{}
	if err := e.compact(path); err != nil {
		return fmt.Errorf("journal %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	e.journal.file = f
	return nil
}

func (e *Emulator) replay(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what follows the last line break was cut off, and never answered
		}
		if err != nil {
			return err
		}
		var en entry
		if err := json.Unmarshal(line, &en); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		e.seq = max(e.seq, en.Seq)
		if en.Call != nil {
			e.calls = append(e.calls, *en.Call)
		}
		for k, raw := range en.Put {
			kind, key, _ := strings.Cut(k, "/")
			l, ok := e.journal.loaders[kind]
			if !ok {
				return fmt.Errorf("line %d: unknown kind %q", n, kind)
			}
			if err := l.load(key, raw); err != nil {
				return fmt.Errorf("line %d: %s: %w", n, k, err)
			}
		}
	}
}

func (e *Emulator) compact(path string) error {
	if n := len(e.calls) - e.cfg.MaxCalls; n > 0 {
		e.calls = e.calls[n:]
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(w)
	if err := enc.Encode(entry{Seq: e.seq}); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(e.journal.loaders)) {
		err := e.journal.loaders[kind].dump(func(key string, v any) error {
			raw, err := json.Marshal(v)
			if err != nil {
				return err
			}
			return enc.Encode(entry{Put: map[string]json.RawMessage{key: raw}})
		})
		if err != nil {
			return err
		}
	}
	for i := range e.calls {
		if err := enc.Encode(entry{Call: &e.calls[i]}); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// changedCloud is changed without what sign-in and the fault rules keep.
func (j *journal) changedCloud() bool {
	for k := range j.pending.Put {
		switch kind, _, _ := strings.Cut(k, "/"); kind {
		case "token", "refresh", "code", "rule", "key":
		default:
			return true
		}
	}
	return false
}
