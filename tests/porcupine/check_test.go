package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const patient = time.Minute

// line makes an event of key "k": line(call, return, `"read":"v"`) is a good
// one, and a return of never is one of unknown outcome.
func line(call, end int64, members string) string {
	outcome := "ok"
	if end == never {
		outcome, end = "unknown", call
	}
	return with(outcome, call, end, members)
}

const never = -1

func with(outcome string, call, end int64, members string) string {
	return fmt.Sprintf(
		`{"client":0,"call":%d,"return":%d,"key":"k","outcome":%q,%s}`,
		call, end, outcome, members)
}

func TestJudgesSmallHistories(t *testing.T) {
	const (
		readsA       = `"read":"a"`
		readsB       = `"read":"b"`
		readsNothing = `"read":null`
		writesA      = `"write":"a"`
		writesB      = `"write":"b"`
		removes      = `"write":null`
		adds5        = `"add":5`
	)
	for _, row := range []struct {
		name   string
		good   bool
		events []string
	}{
		{"a key is missing at first", true, []string{line(1, 2, readsNothing)}},
		{"a value from nowhere", false, []string{line(1, 2, readsA)}},
		{"a read after a write", true, []string{
			line(1, 2, writesA), line(3, 4, readsA)}},
		{"a stale read", false, []string{
			line(1, 2, writesA), line(3, 4, writesB), line(5, 6, readsA)}},
		{"an old value, while the new one is on its way", true, []string{
			line(1, 2, writesA), line(3, 9, writesB), line(4, 5, readsA)}},
		{"an old value, after another saw the new one", false, []string{
			line(1, 2, writesA), line(3, 9, writesB), line(4, 5, readsB),
			line(6, 7, readsA)}},
		{"what ends when another begins may come after it", true, []string{
			line(1, 5, readsA), line(5, 6, writesA)}},
		{"a lost write", false, []string{
			line(1, 2, writesA), line(3, 4, readsNothing)}},
		{"a removed key", true, []string{
			line(1, 2, writesA), line(3, 4, removes), line(5, 6, readsNothing)}},
		{"a removed key that comes back", false, []string{
			line(1, 2, writesA), line(3, 4, removes), line(5, 6, readsA)}},
		{"an empty value is not a missing one", false, []string{
			line(1, 2, `"write":""`), line(3, 4, readsNothing)}},

		{"existence", true, []string{
			line(1, 2, `"exists":false,"write":"a"`),
			line(3, 4, `"exists":true`)}},
		{"must not exist, but does", false, []string{
			line(1, 2, writesA), line(3, 4, `"exists":false,"write":"b"`)}},
		{"a swap of what is there", true, []string{
			line(1, 2, writesA), line(3, 4, `"read":"a","write":"b"`),
			line(5, 6, readsB)}},
		{"two swaps of the same value", false, []string{
			line(1, 2, writesA), line(3, 6, `"read":"a","write":"b"`),
			line(3, 6, `"read":"a","write":"c"`)}},
		{"a result that was not written", false, []string{
			line(1, 2, `"write":"a","result":"b"`)}},

		{"additions", true, []string{
			line(1, 2, `"add":5,"initial":100,"result":"105"`),
			line(3, 6, `"add":1,"result":"113"`),
			line(3, 6, `"add":7,"result":"112"`), line(7, 8, `"read":"113"`)}},
		{"a lost addition", false, []string{
			line(1, 2, `"write":"0"`), line(3, 6, `"add":5,"result":"5"`),
			line(3, 6, `"add":5,"result":"5"`)}},
		{"a doubled addition", false, []string{
			line(1, 2, `"write":"0"`), line(3, 4, adds5),
			line(5, 6, `"read":"10"`)}},
		{"an addition to nothing", false, []string{line(1, 2, adds5)}},
		{"an addition to what is no number", false, []string{
			line(1, 2, writesA), line(3, 4, adds5)}},
		{"an addition beyond 64 bits", false, []string{
			line(1, 2, `"write":"9223372036854775807"`), line(3, 4, adds5)}},

		{"an unknown write that was", true, []string{
			line(1, never, writesA), line(3, 4, readsA)}},
		{"an unknown write that was not", true, []string{
			line(1, never, writesA), line(3, 4, readsNothing)}},
		{"an unknown write that comes late", true, []string{
			line(1, never, writesA), line(3, 4, readsNothing),
			line(5, 6, writesB), line(7, 8, readsB), line(9, 10, readsA)}},
		{"an unknown write that comes twice", false, []string{
			line(1, never, writesA), line(3, 4, readsA), line(5, 6, writesB),
			line(7, 8, readsA)}},
		{"an unknown write that is undone", false, []string{
			line(1, never, writesA), line(3, 4, readsA),
			line(5, 6, readsNothing)}},
		{"an unknown write before its call", false, []string{
			line(1, 2, readsA), line(3, never, writesA)}},
		{"an unknown addition that was", true, []string{
			line(1, 2, `"write":"0"`), line(3, never, adds5),
			line(5, 6, `"read":"5"`)}},
		{"an unknown addition that comes twice", false, []string{
			line(1, 2, `"write":"0"`), line(3, never, adds5),
			line(5, 6, `"read":"10"`)}},
		{"an unknown swap whose condition never holds", false, []string{
			line(1, 2, writesA), line(3, never, `"read":"b","write":"c"`),
			line(5, 6, `"read":"c"`)}},
		{"an unknown swap whose condition holds later", true, []string{
			line(1, 2, writesA), line(3, never, `"read":"b","write":"c"`),
			line(5, 6, writesB), line(7, 8, `"read":"c"`)}},
		{"an unknown creation of what is there", false, []string{
			line(1, 2, writesA), line(3, never, `"exists":false,"write":"b"`),
			line(5, 6, readsB)}},

		{"a refusal for what is there", true, []string{
			line(1, 2, writesA),
			with("no", 3, 4, `"exists":true,"write":"b"`), line(5, 6, readsA)}},
		{"a refusal for what is not there", false, []string{
			with("no", 1, 2, `"exists":true,"write":"b"`)}},
		{"a refusal that was applied", false, []string{
			line(1, 2, writesA), with("no", 3, 4, `"read":"a","write":"b"`),
			line(5, 6, readsB)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			sum, err := checkHistory(
				strings.NewReader(strings.Join(row.events, "\n")), patient)
			if err != nil {
				t.Fatal(err)
			}
			if good := len(sum.complaints) == 0; good != row.good {
				t.Errorf("good: %v, want %v; %q", good, row.good, sum.complaints)
			}
		})
	}
}

func TestNamesTheOperationThatHasNoPlace(t *testing.T) {
	sum, err := checkHistory(strings.NewReader(strings.Join([]string{
		line(1, 2, `"write":"a"`), line(3, 4, `"read":"stale"`)}, "\n")),
		patient)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.complaints) != 1 ||
		!strings.Contains(sum.complaints[0], "1 of 2 operations") ||
		!strings.Contains(sum.complaints[0], `"read":"stale"`) {
		t.Errorf("complaints: %q", sum.complaints)
	}
}

func TestRefusesLinesItDoesNotUnderstand(t *testing.T) {
	for _, bad := range []string{
		`{`,
		`[]`,
		with("maybe", 1, 2, `"read":null`),
		with("ok", 2, 1, `"read":null`),
		with("ok", 1, 2, `"reads":null`),
		with("ok", 1, 2, `"read":1`),
		with("ok", 1, 2, `"write":"1","add":1`),
		with("ok", 1, 2, `"initial":1`),
		`{"client":0,"call":1,"return":2,"outcome":"ok","read":null}`,
	} {
		if _, err := checkHistory(strings.NewReader(bad), patient); err == nil {
			t.Errorf("took %s", bad)
		}
	}
}

func TestExitCodeTellsWhatIsWrong(t *testing.T) {
	good := line(1, 2, `"write":"a"`) + "\n" + line(3, 4, `"read":"a"`) + "\n"
	for _, row := range []struct {
		name      string
		arguments []string
		history   string
		code      int
	}{
		{"well", nil, good, 0},
		{"enough operations", []string{"--operations-min", "2"}, good, 0},
		{"too few operations", []string{"--operations-min", "3"}, good, 1},
		{"too few histories", []string{"--histories-min", "2"}, good, 1},
		{"nothing in it", nil, "", 1},
		{"a violation", nil, line(1, 2, `"read":"a"`), 1},
		{"not a history", nil, "{", 2},
		{"no such option", []string{"--no-such"}, good, 2},
		{"too slow", []string{"--timeout", "10ms"}, unjudgeable(), 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "history")
			if err := os.WriteFile(name, []byte(row.history), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, err bytes.Buffer
			if code := run(append(row.arguments, name), &out, &err); code != row.code {
				t.Errorf("code %d, want %d: %s%s", code, row.code, &out, &err)
			}
		})
	}
}

// unjudgeable returns a history that takes longer than anyone will wait: sums
// of any of 40 unknown additions, and a read of what none of them makes.
func unjudgeable() string {
	var lines []string
	for i := int64(0); i < 40; i++ {
		lines = append(lines,
			line(i, never, fmt.Sprintf(`"add":%d,"initial":0`, 2<<i)))
	}
	return strings.Join(append(lines, line(100, 101, `"read":"1"`)), "\n")
}
