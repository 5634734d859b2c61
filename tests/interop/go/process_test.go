package interop

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// For what another process does; a test that needs it has failed.
const patience = 60 * time.Second

// process is a program of the build that listens and says where.
type process struct {
	t       *testing.T
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	address string
	ended   bool
}

// start runs a program until the test ends.
func start(t *testing.T, name string, arguments ...string) *process {
	t.Helper()
	p := &process{t: t}
	p.command = exec.Command(
		filepath.Join(os.Getenv("LATCHKEY_TEST_BIN"), name), arguments...)
	stdin, err := p.command.StdinPipe()
	check(t, err)
	stdout, err := p.command.StdoutPipe()
	check(t, err)
	p.stdin, p.stdout = stdin, bufio.NewReader(stdout)
	check(t, p.command.Start())
	t.Cleanup(p.kill)
	line := p.readLine()
	if !strings.HasPrefix(line, "listening ") {
		t.Fatalf("%s printed %q", name, line)
	}
	p.address = strings.TrimPrefix(line, "listening ")
	return p
}

func startServer(t *testing.T) *process {
	t.Helper()
	return start(t, "latchkeyd", "--listen=127.0.0.1:0", "--log-level=off")
}

// readLine kills a process that is silent, which ends the read.
func (p *process) readLine() string {
	timer := time.AfterFunc(patience, func() { p.command.Process.Kill() })
	defer timer.Stop()
	line, err := p.stdout.ReadString('\n')
	check(p.t, err)
	return strings.TrimSuffix(line, "\n")
}

func (p *process) signal(signal syscall.Signal) {
	p.t.Helper()
	check(p.t, p.command.Process.Signal(signal))
}

// freeze stops all threads, for good.
func (p *process) freeze() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	// The stop is under way when it has been sent, not done.
	for end := time.Now().Add(patience); !p.stopped(); {
		if time.Now().After(end) {
			p.t.Fatal("the process did not stop")
		}
	}
}

func (p *process) stopped() bool {
	stats, err := filepath.Glob(
		fmt.Sprintf("/proc/%d/task/*/stat", p.command.Process.Pid))
	check(p.t, err)
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		check(p.t, err)
		// The state follows the name, which is in brackets.
		if !strings.Contains(string(text), ") T ") {
			return false
		}
	}
	return true
}

func (p *process) kill() {
	if !p.ended {
		p.command.Process.Kill()
		p.command.Wait()
	}
}

// wait fails unless the process ends by itself, with exit code 0.
func (p *process) wait() {
	p.t.Helper()
	timer := time.AfterFunc(patience, func() { p.command.Process.Kill() })
	defer timer.Stop()
	p.ended = true
	check(p.t, p.command.Wait())
}

// faultProxy is the program fault-proxy; its --help lists the commands.
type faultProxy struct{ *process }

func startProxy(t *testing.T, target string) faultProxy {
	t.Helper()
	return faultProxy{start(t, "fault-proxy", target)}
}

// command answers with the numbers that the proxy answers with.
func (p faultProxy) command(words ...any) map[string]int {
	p.t.Helper()
	fmt.Fprintln(p.stdin, words...)
	answer := strings.Fields(p.readLine())
	if answer[0] != "ok" {
		p.t.Fatalf("%v: %v", words, answer)
	}
	numbers := map[string]int{}
	for _, pair := range answer[1:] {
		name, number, _ := strings.Cut(pair, "=")
		numbers[name], _ = strconv.Atoi(number)
	}
	return numbers
}

// withoutMirrors waits until no copies are left to come.
func (p faultProxy) withoutMirrors() map[string]int {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if counters := p.command("counters"); counters["mirrors-open"] == 0 {
			return counters
		}
	}
	p.t.Fatal("the mirrors did not end")
	return nil
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
