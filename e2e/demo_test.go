// Package e2e drives the real program in a real browser, as its people would. It builds the
// binary, starts it and looks; of the program's packages it knows the database's and the gallery.
package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program, built once for all tests of this package.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "groundwork-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "groundwork")
	args := []string{"build", "-o", binary}
	if long { // compiling everything anew takes its time, too
		var overlay string
		if overlay, err = wrongClocks(dir); err == nil {
			args = append(args, "-overlay", overlay)
		}
	}
	build := exec.Command("go", append(args, "../cmd/server")...)
	build.Stderr = os.Stderr
	code := 1
	if err := errors.Join(err, build.Run()); err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// demo is a running demo and what it printed.
type demo struct {
	URL       string `json:"url"`
	AdminURL  string `json:"admin_url"`
	InviteURL string `json:"invite_url"`
	CloudURL  string `json:"cloud_url"`
	Database  string `json:"database_url"`
	People    []struct {
		Email string `json:"email"`
		Role  string `json:"role"`
		Token string `json:"access_token"`
	} `json:"people"`

	dir    string
	cmd    *exec.Cmd
	stderr *lines
}

// dataDir is a folder that the user Postgres runs as can reach, unlike a test's own temporary folder.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "gw-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// startDemo starts a demo on free ports and waits for its line.
func startDemo(t *testing.T, dir string, args ...string) *demo {
	t.Helper()
	d := &demo{dir: dir, stderr: &lines{}}
	args = append([]string{"demo", "--json", "--log", "--data", filepath.Join(dir, "demo")}, args...)
	if !strings.Contains(strings.Join(args, " "), "--addr") {
		args = append(args, "--addr", "127.0.0.1:0", "--cloud-addr", "127.0.0.1:0")
	}
	d.cmd = exec.Command(binary, args...)
	d.cmd.Stderr = d.stderr
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.stop(t)
		if t.Failed() {
			t.Logf("the demo's last words:\n%s", d.stderr.tail(60))
		}
	})
	got := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(out).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, d)
		}
		got <- err
	}()
	select {
	case err := <-got:
		if err != nil {
			t.Fatalf("the demo printed no addresses: %v\n%s", err, d.stderr.tail(40))
		}
	case <-time.After(patience):
		t.Fatalf("the demo was not ready within %v\n%s", patience, d.stderr.tail(40))
	}
	return d
}

// stop ends the demo as Ctrl-C does.
func (d *demo) stop(t *testing.T) {
	t.Helper()
	if d.cmd.ProcessState != nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGINT)
	ended := make(chan struct{})
	go func() { _ = d.cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		_ = d.cmd.Process.Kill()
		<-ended
		t.Errorf("the demo did not stop within %v of Ctrl-C", patience)
	}
}

// kill ends the demo as a power cut does.
func (d *demo) kill(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = d.cmd.Wait()
}

// call is one entry of the emulator's call log.
type call struct {
	At      time.Time `json:"at"`
	Person  string    `json:"person"`
	Method  string    `json:"method"`
	Host    string    `json:"host"`
	Path    string    `json:"path"`
	Status  int       `json:"status"`
	Changed bool      `json:"changed"`
}

// calls is the emulator's log, oldest first.
func (d *demo) calls(t *testing.T) []call {
	t.Helper()
	return calls(t, d.CloudURL)
}

func calls(t *testing.T, cloud string) []call {
	t.Helper()
	resp, err := http.Get(cloud + "/_emulator/calls")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var wrapped struct {
		Calls []call `json:"calls"`
	}
	var plain []call
	if json.Unmarshal(body, &plain) == nil {
		return plain
	}
	if err := json.Unmarshal(body, &wrapped); err != nil {
		t.Fatalf("the emulator's call log: %v: %.200s", err, body)
	}
	return wrapped.Calls
}

// lines keeps what a program wrote.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) tail(n int) string {
	all := strings.Split(l.String(), "\n")
	return strings.Join(all[max(0, len(all)-n):], "\n")
}
