package main

import (
	"math/rand"
	"strconv"
	"testing"
)

// A sequential key under random calls whose ends overlap: what it answers is
// linearizable by construction.
type simulation struct {
	random *rand.Rand
	now    int64
	state  state
	events []event
}

// call lets one client act on the key. It takes effect at this moment; when it
// was called and when it returns lies at random about it.
func (s *simulation) call() {
	s.now += 10
	one := event{
		Client:  s.random.Intn(8),
		Call:    s.now - s.random.Int63n(40),
		Return:  s.now + s.random.Int63n(40),
		Outcome: outcomeOk,
		line:    strconv.Itoa(len(s.events)),
	}
	unknown := s.random.Intn(30) == 0
	number := strconv.FormatInt(s.now, 10)
	switch s.random.Intn(5) {
	case 0:
		one.Read = value{true, s.state}
	case 1:
		one.Write = value{true, state{true, number}}
	case 2:
		one.Write = value{true, state{}}
	case 3:
		// A swap that expects the present value, or not.
		one.Read = value{true, s.state}
		if s.random.Intn(2) == 0 {
			one.Read.state = state{true, "other"}
			one.Outcome = outcomeUnknown
			unknown = true
		}
		one.Write = value{true, state{true, number}}
	default:
		delta, initial := s.random.Int63n(1000), int64(0)
		one.Add, one.Initial = &delta, &initial
	}
	_, after := step(s.state, one)
	if unknown {
		one.Outcome, one.Return = outcomeUnknown, 1<<62
		if s.random.Intn(2) == 0 {
			after = s.state
		}
	} else if s.random.Intn(2) == 0 {
		one.Result = value{true, after}
	}
	s.state = after
	s.events = append(s.events, one)
}

func simulate(seed int64, calls int) []event {
	s := simulation{random: rand.New(rand.NewSource(seed))}
	for i := 0; i < calls; i++ {
		s.call()
	}
	return s.events
}

func TestAcceptsWhatASequentialKeyAnswers(t *testing.T) {
	for seed := int64(0); seed < 50; seed++ {
		if complaint := checkKey(simulate(seed, 400), patient); complaint != "" {
			t.Errorf("seed %d: %s", seed, complaint)
		}
	}
}

// Small histories, most of them impossible, are judged as trying all orders
// judges them, with each unknown event in its place or left out.
func TestAgreesWithTryingAllOrders(t *testing.T) {
	verdicts := make(map[bool]int)
	for seed := int64(0); seed < 3000; seed++ {
		events := simulate(seed, 6)
		// One event says what another key's would have said.
		other := simulate(seed+1_000_000, 6)
		if seed%3 > 0 {
			events[seed%6].Read = other[seed%5].Read
			events[seed%5].Result = other[seed%6].Result
		}
		want := anyOrder(state{}, events)
		verdicts[want]++
		if got := checkKey(events, patient) == ""; got != want {
			t.Errorf("seed %d: %v, want %v", seed, got, want)
		}
	}
	if verdicts[true] < 500 || verdicts[false] < 500 {
		t.Errorf("verdicts too much of one kind: %v", verdicts)
	}
}

// anyOrder says whether `events` can happen, from the state `now` on, in any
// order that real time allows.
func anyOrder(now state, events []event) bool {
	if len(events) == 0 {
		return true
	}
	for i, first := range events {
		rest := append(append([]event(nil), events[:i]...), events[i+1:]...)
		if first.Outcome == outcomeUnknown && anyOrder(now, rest) {
			return true
		}
		if precedesAll(first, rest) {
			if fits, after := step(now, first); fits && anyOrder(after, rest) {
				return true
			}
		}
	}
	return false
}

// precedesAll says whether none of `others` had ended when `first` was called.
func precedesAll(first event, others []event) bool {
	for _, other := range others {
		if other.Return < first.Call {
			return false
		}
	}
	return true
}
