package main

import (
	"fmt"
	"io"
	"time"

	"github.com/anishathalye/porcupine"
)

// report is what became of one file.
type report struct {
	operations int
	keys       int
	// The operations on the key that has the most.
	most int
	// One for each key that is not well.
	complaints []string
}

func (r report) String() string {
	verdict := "linearizable"
	if len(r.complaints) > 0 {
		verdict = fmt.Sprintf("REFUSED, %d keys", len(r.complaints))
	}
	return fmt.Sprintf("%d operations on %d keys, at most %d on one: %s",
		r.operations, r.keys, r.most, verdict)
}

// checkHistory judges each key of a history, for at most `timeout` each. A key
// that takes longer is a complaint: what was not judged is not known to be good.
func checkHistory(file io.Reader, timeout time.Duration) (report, error) {
	keys, err := readHistory(file)
	if err != nil {
		return report{}, err
	}
	sum := report{keys: len(keys)}
	for _, key := range sortedKeys(keys) {
		events := keys[key]
		sum.operations += len(events)
		if len(events) > sum.most {
			sum.most = len(events)
		}
		if complaint := checkKey(events, timeout); complaint != "" {
			sum.complaints = append(sum.complaints, key+": "+complaint)
		}
	}
	return sum, nil
}

// checkKey returns what is wrong with the events of one key; empty: nothing.
func checkKey(events []event, timeout time.Duration) string {
	operations := make([]porcupine.Operation, len(events))
	for i, one := range events {
		operations[i] = porcupine.Operation{
			ClientId: one.Client,
			Input:    one,
			Call:     one.Call,
			Return:   one.Return,
		}
	}
	switch porcupine.CheckOperationsTimeout(keyModel, operations,
		timeout) {
	case porcupine.Ok:
		return ""
	case porcupine.Illegal:
		return "not linearizable; " + explain(operations, timeout)
	}
	return fmt.Sprintf("not judged within %s (%d operations)",
		timeout, len(events))
}

// explain names an operation that the longest order found leaves no place for.
func explain(operations []porcupine.Operation, timeout time.Duration) string {
	_, info := porcupine.CheckOperationsVerbose(keyModel, operations, timeout)
	var longest []porcupine.Operation
	for _, order := range info.PartialLinearizationsOperations()[0] {
		if len(order) > len(longest) {
			longest = order
		}
	}
	placed := make(map[string]int)
	now := state{}
	for _, operation := range longest {
		one := operation.Input.(event)
		placed[one.line]++
		_, now = step(now, one)
	}
	var stuck *event
	for _, operation := range operations {
		one := operation.Input.(event)
		if placed[one.line] > 0 {
			placed[one.line]--
		} else if stuck == nil || one.Return < stuck.Return {
			stuck = &one
		}
	}
	return fmt.Sprintf("%d of %d operations have an order, which ends with %s; "+
		"no place for %s", len(longest), len(operations), now, stuck.line)
}
