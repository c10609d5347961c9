package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// clockAhead is the environment variable that sets the program's clock ahead, in seconds, or behind with "-". It is in no
// build but the one of these tests: the standard library is compiled anew for it, so that every package of the program
// reads the wrong time, those of others too.
const clockAhead = "GROUNDWORK_TEST_CLOCK_AHEAD"

// aheadOf is the environment of a process whose clock is wrong.
func aheadOf(d time.Duration) string { return fmt.Sprintf("%s=%d", clockAhead, int64(d.Seconds())) }

const readAhead = `package time

import "syscall"

var ahead = func() (n int64) {
	v, _ := syscall.Getenv("` + clockAhead + `")
	behind := len(v) > 0 && v[0] == '-'
	for i := 0; i < len(v); i++ {
		if '0' <= v[i] && v[i] <= '9' {
			n = 10*n + int64(v[i]-'0')
		}
	}
	if behind {
		n = -n
	}
	return n
}()
`

// wrongClocks writes, for go build -overlay, a package time that obeys clockAhead.
func wrongClocks(dir string) (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find Go's sources: %w", err)
	}
	of := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	source, err := os.ReadFile(filepath.Join(of, "time.go"))
	if err != nil {
		return "", err
	}
	const clock = "	sec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), "func Now() Time {\n"+clock) != 1 {
		return "", errors.New("time.Now is another one in this version of Go")
	}
	wrong := strings.Replace(string(source), "func Now() Time {\n"+clock, "func Now() Time {\n"+clock+"	sec += ahead\n", 1)
	replace := map[string]string{}
	for name, text := range map[string]string{"time.go": wrong, "ahead_e2e.go": readAhead} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(of, name)] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}
