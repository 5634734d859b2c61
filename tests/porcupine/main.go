// Command porcupine-check judges histories of calls on a key-value server: is
// each key linearizable, that is, is there one order of the calls on it that
// explains every answer and in which no call comes before one that had ended
// when it began?
//
// The judge is porcupine; this program reads the files and knows what a key of
// Latchkey does. event.go says what a line of a file means.
//
// Usage:
//
//	porcupine-check [--timeout 60s] [--operations-min N --histories-min M] FILE...
//
// It prints a line for each file, one for each key that is not well, and a sum.
// Exit code 0: every key of every file is linearizable, and at least M files have
// a key with at least N operations; 1: not so, or a key took longer than the
// timeout; 2: wrong use, or a file that cannot be read.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("porcupine-check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	timeout := flags.Duration("timeout", time.Minute,
		"how long one key may take; longer is a failure")
	operations := flags.Int("operations-min", 1,
		"how many operations a key must have for its file to count")
	histories := flags.Int("histories-min", 1,
		"how many files must count")
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	if flags.NArg() == 0 || *timeout <= 0 {
		fmt.Fprintln(stderr, "porcupine-check: give files, and a timeout over 0")
		return 2
	}
	code, counted := 0, 0
	for _, name := range flags.Args() {
		sum, err := checkFile(name, *timeout)
		if err != nil {
			fmt.Fprintf(stderr, "porcupine-check: %s: %v\n", name, err)
			return 2
		}
		if sum.most >= *operations {
			counted++
		}
		fmt.Fprintf(stdout, "%s: %s\n", name, sum)
		for _, complaint := range sum.complaints {
			fmt.Fprintf(stdout, "%s: %s\n", name, complaint)
			code = 1
		}
	}
	fmt.Fprintf(stdout, "%d histories, %d of them with %d operations or more "+
		"on a key\n", flags.NArg(), counted, *operations)
	if counted < *histories {
		fmt.Fprintf(stdout, "too few: %d must have\n", *histories)
		code = 1
	}
	return code
}

func checkFile(name string, timeout time.Duration) (report, error) {
	file, err := os.Open(name)
	if err != nil {
		return report{}, err
	}
	defer file.Close()
	return checkHistory(file, timeout)
}
