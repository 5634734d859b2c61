package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
)

// What became of an event.
const (
	outcomeOk      = "ok"
	outcomeUnknown = "unknown"
	outcomeNo      = "no"
)

// event is what one call of a history had to do with one key: a line of the
// file. A member that says nothing is absent. In this order:
//
//	read     the key's value was this; null: it was missing
//	exists   the key was there, or was not
//	write    the value becomes this; null: the key is removed
//	add      the counter becomes itself + add, in decimal; a missing one counts
//	         as initial, and without initial it must not be missing
//	result   the value afterwards was this
//
// An event of outcome "unknown" may have taken effect once, at any time after
// its call, or never; its read and exists are what it was conditional on. One
// of outcome "no" had no effect; what it says of before stands.
type event struct {
	Client  int    `json:"client"`
	Call    int64  `json:"call"`
	Return  int64  `json:"return"`
	Key     string `json:"key"`
	Read    value  `json:"read"`
	Exists  *bool  `json:"exists"`
	Write   value  `json:"write"`
	Add     *int64 `json:"add"`
	Initial *int64 `json:"initial"`
	Result  value  `json:"result"`
	Outcome string `json:"outcome"`

	// The line itself, for messages.
	line string
}

// value is a member of an event that may be absent, null or a text.
type value struct {
	given bool
	state state
}

func (v *value) UnmarshalJSON(text []byte) error {
	v.given = true
	if bytes.Equal(text, []byte("null")) {
		v.state = state{}
		return nil
	}
	v.state.exists = true
	return json.Unmarshal(text, &v.state.text)
}

// readHistory returns the events of each key. An event that is not understood
// is an error: one that is left out could be the one that matters.
func readHistory(file io.Reader) (map[string][]event, error) {
	keys := make(map[string][]event)
	lines := bufio.NewReader(file)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			one, bad := parseEvent(line)
			if bad != nil {
				return nil, fmt.Errorf("line %d: %w", number, bad)
			}
			keys[one.Key] = append(keys[one.Key], one)
		}
		if err == io.EOF {
			return keys, nil
		}
	}
}

func parseEvent(line []byte) (event, error) {
	one := event{line: string(bytes.TrimSpace(line))}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&one); err != nil {
		return one, err
	}
	switch {
	case one.Key == "":
		return one, fmt.Errorf("no key")
	case one.Write.given && one.Add != nil:
		return one, fmt.Errorf("both write and add")
	case one.Initial != nil && one.Add == nil:
		return one, fmt.Errorf("initial without add")
	}
	switch one.Outcome {
	case outcomeOk, outcomeNo:
		if one.Return < one.Call {
			return one, fmt.Errorf("returns before its call")
		}
	case outcomeUnknown:
		one.Return = math.MaxInt64
	default:
		return one, fmt.Errorf("outcome %q", one.Outcome)
	}
	return one, nil
}

func sortedKeys(keys map[string][]event) []string {
	names := make([]string, 0, len(keys))
	for name := range keys {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
