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
//	porcupine-check [--timeout 60s] [--operations-min N] FILE...
//
// It prints a line for each file, one for each complaint about it, and a sum.
// Exit code 0: every key of every file is linearizable, and each file has a key
// with at least N operations; 1: not so, or a key took longer than the timeout;
// 2: wrong use, or a file that cannot be read.
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
	var demand limits
	flags.DurationVar(&demand.timeout, "timeout", time.Minute,
		"how long one key may take; longer is a failure")
	flags.IntVar(&demand.operations, "operations-min", 1,
		"how many operations some key of each file must have")
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	if flags.NArg() == 0 || demand.timeout <= 0 {
		fmt.Fprintln(stderr, "porcupine-check: give files, and a timeout over 0")
		return 2
	}
	code, keys, busy := 0, 0, 0
	for _, name := range flags.Args() {
		sum, err := checkFile(name, demand)
		if err != nil {
			fmt.Fprintf(stderr, "porcupine-check: %s: %v\n", name, err)
			return 2
		}
		keys += sum.keys
		busy += sum.busy
		fmt.Fprintf(stdout, "%s: %s\n", name, sum)
		for _, complaint := range sum.complaints {
			fmt.Fprintf(stdout, "%s: %s\n", name, complaint)
			code = 1
		}
	}
	fmt.Fprintf(stdout, "%d histories, %d keys, %d of them with %d operations "+
		"or more\n", flags.NArg(), keys, busy, demand.operations)
	return code
}

func checkFile(name string, demand limits) (report, error) {
	file, err := os.Open(name)
	if err != nil {
		return report{}, err
	}
	defer file.Close()
	return checkHistory(file, demand)
}
