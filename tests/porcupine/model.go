package main

import (
	"fmt"
	"math/big"
	"strconv"

	"github.com/anishathalye/porcupine"
)

// state is what one key holds.
type state struct {
	exists bool
	// Empty where it does not exist.
	text string
}

func (s state) String() string {
	if !s.exists {
		return "missing"
	}
	return strconv.Quote(s.text)
}

// keyModel is what a single key must behave like. An event of unknown outcome
// never returns, so it may always come last, after all that was observed:
// "never took effect" needs no step of its own.
var keyModel = porcupine.Model{
	Init: func() interface{} { return state{} },
	Step: func(before, input, _ interface{}) (bool, interface{}) {
		return step(before.(state), input.(event))
	},
	DescribeOperation: func(input, _ interface{}) string {
		return input.(event).line
	},
	DescribeState: func(s interface{}) string { return s.(state).String() },
}

// step says whether `one` can happen in the state `before`, and what follows.
func step(before state, one event) (bool, state) {
	fits := (!one.Read.given || before == one.Read.state) &&
		(one.Exists == nil || before.exists == *one.Exists)
	after := before
	switch {
	case one.Outcome == outcomeNo || !fits:
	case one.Write.given:
		after = one.Write.state
	case one.Add != nil:
		sum, err := add(before, one)
		if err != nil {
			fits = false
		} else {
			after = sum
		}
	}
	switch one.Outcome {
	case outcomeUnknown:
		// Where its condition fails it has no effect, which is allowed.
		return true, after
	case outcomeOk:
		fits = fits && (!one.Result.given || after == one.Result.state)
	}
	return fits, after
}

func add(before state, one event) (state, error) {
	text := before.text
	if !before.exists {
		if one.Initial == nil {
			return state{}, fmt.Errorf("adds to a missing key")
		}
		text = strconv.FormatInt(*one.Initial, 10)
	}
	old, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return state{}, err
	}
	sum := new(big.Int).Add(big.NewInt(old), big.NewInt(*one.Add))
	if !sum.IsInt64() {
		return state{}, fmt.Errorf("more than 64 bits")
	}
	return state{exists: true, text: sum.String()}, nil
}
