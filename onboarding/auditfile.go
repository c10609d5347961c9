package onboarding

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// auditFile is the JSON download of a history, as it is read back. Data stays a string, because the hashes cover its bytes.
// No hash covers Sentence: it is what this version says about the line.
type auditFile struct {
	Onboarding ID          `json:"onboarding"`
	Lines      []auditLine `json:"lines"`
	Head       *AuditEnd   `json:"head"`
}

type auditLine struct {
	Seq         int64     `json:"seq"`
	At          time.Time `json:"at"`
	Actor       string    `json:"actor"`
	Role        Role      `json:"role"`
	What        EventKind `json:"what"`
	Text        string    `json:"text"`
	Data        string    `json:"data"`
	RequestID   string    `json:"request_id"`
	Salt        string    `json:"salt"`
	ContentHash string    `json:"content_hash"`
	PrevHash    string    `json:"prev_hash"`
	Hash        string    `json:"hash"`
	Sentence    string    `json:"sentence,omitempty"`
}

const verifyHint = "groundwork audit verify --file FILE --key audit-keys.pem; each hash is SHA-256 over the fields and the hash before, as SECURITY.md says"

// Teller says in a sentence what a line of a history reports.
type Teller func(AuditEntry) string

// AuditWriter writes a history as a file, line by line, so that a long one takes no memory.
type AuditWriter interface {
	Write(AuditEntry) error
	// Close writes the file's end. Without it the file is seen to be cut off.
	Close() error
}

// NewAuditJSON writes a history to a file that [ReadAudit] reads back to the byte. tell gives the sentence of each
// line, for people.
func NewAuditJSON(w io.Writer, id ID, tell Teller) AuditWriter {
	return &auditJSON{w: w, id: id, tell: tell}
}

// NewSignedAuditJSON writes the same file with the signed end of the history after its lines. The caller writes the lines
// up to that end.
func NewSignedAuditJSON(w io.Writer, head SignedAuditHead, tell Teller) AuditWriter {
	return &auditJSON{w: w, id: head.Onboarding, tell: tell, end: head.End()}
}

type auditJSON struct {
	w     io.Writer
	id    ID
	tell  Teller
	begun bool
	end   *AuditEnd // nil: it isn't signed
}

func (f *auditJSON) Write(e AuditEntry) error {
	line := auditLine{e.Seq, e.At.UTC(), e.Actor, e.Role, e.What, e.Text, string(e.Data), e.RequestID, e.Salt, e.ContentHash, e.PrevHash, e.Hash, f.tell(e)}
	raw, err := json.MarshalIndent(line, "    ", "  ")
	if err != nil {
		return fmt.Errorf("write a line of the history of %s: %w", f.id, err)
	}
	before := ",\n    "
	if !f.begun {
		before = f.head() + "\n    "
	}
	f.begun = true
	return f.write(before + string(raw))
}

func (f *auditJSON) Close() error {
	lines, end := "\n  ]", "\n}\n"
	if !f.begun {
		lines = f.head() + "]"
	}
	if f.end != nil {
		raw, err := json.MarshalIndent(f.end, "  ", "  ")
		if err != nil {
			return fmt.Errorf("write the end of the history of %s: %w", f.id, err)
		}
		end = ",\n  \"head\": " + string(raw) + end
	}
	return f.write(lines + end)
}

func (f *auditJSON) head() string {
	return fmt.Sprintf("{\n  \"onboarding\": %q,\n  \"verify\": %q,\n  \"lines\": [", f.id, verifyHint)
}

func (f *auditJSON) write(text string) error {
	if _, err := io.WriteString(f.w, text); err != nil {
		return fmt.Errorf("write the history of %s: %w", f.id, err)
	}
	return nil
}

var auditColumns = []string{"onboarding", "seq", "at", "actor", "role", "what", "text", "data", "request_id", "prev_hash", "hash", "salt", "content_hash", "sentence"}

// How many of them the downloads of earlier versions had.
const (
	columnsUnerasable = 11 // before lines could be erased
	columnsUntold     = 13 // before sentences were told apart from texts
)

// formulas are the first characters that a spreadsheet takes for a formula, and the apostrophe that disarms them.
const formulas = "=+-@\t\r\n'"

// NewAuditCSV writes a history to a file for spreadsheets: what looks like a formula gets an apostrophe before it, which
// [ReadAudit] takes off again. tell gives the sentence of each line, for people.
func NewAuditCSV(w io.Writer, tell Teller) AuditWriter {
	f := &auditCSV{csv.NewWriter(w), tell}
	_ = f.w.Write(auditColumns) // kept by the writer, for Close
	return f
}

type auditCSV struct {
	w    *csv.Writer
	tell Teller
}

func (f *auditCSV) Write(e AuditEntry) error {
	row := []string{string(e.Onboarding), strconv.FormatInt(e.Seq, 10), e.At.UTC().Format(time.RFC3339Nano), e.Actor, string(e.Role), string(e.What), e.Text, string(e.Data), e.RequestID, e.PrevHash, e.Hash, e.Salt, e.ContentHash, f.tell(e)}
	for i, cell := range row {
		if cell != "" && strings.ContainsRune(formulas, rune(cell[0])) {
			row[i] = "'" + cell
		}
	}
	if err := f.w.Write(row); err != nil {
		return fmt.Errorf("write a history: %w", err)
	}
	return nil
}

func (f *auditCSV) Close() error {
	f.w.Flush()
	if err := f.w.Error(); err != nil {
		return fmt.Errorf("write a history: %w", err)
	}
	return nil
}

// maxAuditFile bounds a file that is read back; a history of a thousand lines has about 1 MB.
const maxAuditFile = 256 << 20

// AuditDownload is a history as it was downloaded.
type AuditDownload struct {
	Entries   []AuditEntry // in the order of the file
	HeadText  string       // of its signed end; "" it has none
	Signature []byte
}

// EndsAsSigned checks that the lines end where the signed end says. Whether one of the vendor's keys signed it is the
// caller's to check. A download without a signed end passes.
func (d AuditDownload) EndsAsSigned() error {
	last := d.Entries[len(d.Entries)-1]
	if d.HeadText != "" && (!endsWith(d.HeadText, last) || last.Seq != int64(len(d.Entries))) {
		return fmt.Errorf("the history ends with line %d, and not where its signed end says: lines were cut off or rewritten", last.Seq)
	}
	return nil
}

// SignedAt is the time in the signed end, as it is written there.
func (d AuditDownload) SignedAt() string {
	_, at, _ := strings.Cut(d.HeadText, "\nat: ")
	return strings.TrimSpace(at)
}

// ReadAudit reads a history that was downloaded as JSON, CSV or ZIP. It checks the form, and neither hashes nor signature.
func ReadAudit(r io.Reader) (AuditDownload, error) {
	raw, err := readAtMost(r)
	if err != nil {
		return AuditDownload{}, err
	}
	var d AuditDownload
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	switch {
	case bytes.HasPrefix(raw, []byte("PK")):
		d, err = readAuditZIP(raw)
	case bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")):
		d, err = readAuditJSON(raw)
	default:
		d.Entries, err = readAuditCSV(raw)
	}
	if err == nil && len(d.Entries) == 0 {
		err = errors.New("the file holds no lines of a history")
	}
	return d, err
}

func readAtMost(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxAuditFile+1))
	if err != nil {
		return nil, fmt.Errorf("read a history: %w", err)
	}
	if len(raw) > maxAuditFile {
		return nil, errors.New("the file is larger than 256 MB: it is no download of one onboarding's history")
	}
	return raw, nil
}

// readAuditZIP reads the lines and the signed end, which is in files of its own.
func readAuditZIP(raw []byte) (AuditDownload, error) {
	in, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return AuditDownload{}, fmt.Errorf("the file is not a history as it was downloaded: %w", err)
	}
	parts := map[string][]byte{}
	for _, name := range []string{"history.json", "head.txt", "head.sig"} {
		file, err := in.Open(name)
		if err != nil {
			return AuditDownload{}, fmt.Errorf("the file is not a history as it was downloaded: %w", err)
		}
		if parts[name], err = readAtMost(file); err != nil {
			return AuditDownload{}, err
		}
		if err := file.Close(); err != nil { // its checksum
			return AuditDownload{}, fmt.Errorf("read a history: %w", err)
		}
	}
	d, err := readAuditJSON(parts["history.json"])
	d.HeadText, d.Signature = string(parts["head.txt"]), parts["head.sig"]
	return d, err
}

func readAuditJSON(raw []byte) (AuditDownload, error) {
	var f auditFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return AuditDownload{}, fmt.Errorf("the file is not a history as it was downloaded: %w", err)
	}
	var entries []AuditEntry
	for _, l := range f.Lines {
		e := AuditEntry{l.Seq, f.Onboarding, l.At.UTC(), l.Actor, l.Role, l.What, l.Text, nil, l.RequestID, l.Salt, l.ContentHash, l.PrevHash, l.Hash}
		if l.Data != "" {
			e.Data = []byte(l.Data)
		}
		entries = append(entries, e)
	}
	d := AuditDownload{Entries: entries}
	if f.Head != nil {
		d.HeadText, d.Signature = f.Head.Text, f.Head.Signature
	}
	return d, nil
}

// heldCR stands for carriage returns while encoding/csv reads, which would drop them inside of cells: a byte that is in
// no text of UTF-8, and so in no cell.
const heldCR = "\xff"

func readAuditCSV(raw []byte) ([]AuditEntry, error) {
	in := csv.NewReader(strings.NewReader(strings.ReplaceAll(string(raw), "\r", heldCR)))
	rows, err := in.ReadAll() // as many fields in each row as in the first
	if err != nil {
		return nil, fmt.Errorf("the file is not a history as it was downloaded: %w", err)
	}
	if len(rows) > 0 {
		last := len(rows[0]) - 1
		for _, row := range rows {
			row[last] = strings.TrimSuffix(row[last], heldCR) // a program that ends lines with CR LF saved it
		}
		if n := len(rows[0]); (n != columnsUnerasable && n != columnsUntold && n != len(auditColumns)) || !slices.Equal(rows[0], auditColumns[:n]) {
			return nil, fmt.Errorf("the file is not a history as it was downloaded: its columns are %q", strings.Join(rows[0], ","))
		}
		rows = rows[1:]
	}
	var entries []AuditEntry
	for i, row := range rows {
		for c := range row {
			row[c] = strings.ReplaceAll(row[c], heldCR, "\r")
			if len(row[c]) > 1 && row[c][0] == '\'' && strings.ContainsRune(formulas, rune(row[c][1])) {
				row[c] = row[c][1:]
			}
		}
		seq, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("row %d: %q is not a number", i+2, row[1])
		}
		at, err := time.Parse(time.RFC3339Nano, row[2])
		if err != nil {
			return nil, fmt.Errorf("row %d: %q is not a time as it was downloaded", i+2, row[2])
		}
		e := AuditEntry{seq, ID(row[0]), at.UTC(), row[3], Role(row[4]), EventKind(row[5]), row[6], nil, row[8], "", "", row[9], row[10]}
		if row[7] != "" {
			e.Data = []byte(row[7])
		}
		if len(row) > columnsUnerasable {
			e.Salt, e.ContentHash = row[11], row[12]
		}
		entries = append(entries, e)
	}
	return entries, nil
}
