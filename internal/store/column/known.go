package column

import "strings"

// known finds the shape of an object that has one already while reading it once:
// a tree whose edges are what a skeleton has before a placeholder and then the
// placeholder's kind. An object's text either has the same bytes before its
// first value, or another shape. Splitting it and looking its skeleton up gives
// the same answer and costs twice as much.
type known struct {
	root  fork
	steps int // in all
}

// fork has what may follow a value, or start an object.
type fork struct {
	steps []*step
}

// step is a stretch of skeleton without placeholders.
type step struct {
	text string
	// last is 1 + the shape's code where the skeleton ends with it.
	last uint32
	// next is what follows the value behind it, by kind.
	next [JSON + 1]*fork
}

// Bounds of the tree: what is beyond is split.
const (
	maxFork  = 16   // steps of a fork
	maxSteps = 4096 // steps of all
)

// find reads an object into the splitter's values and returns the code of its
// shape; false where that is not in the tree.
func (k *known) find(s *splitter, text []byte) (code uint32, ok bool) {
	s.begin(text)
	at := &k.root
	for i := 0; at != nil; {
		step, end := at.take(s, i)
		if step == nil {
			return 0, false
		}
		if end < 0 {
			return step.last - 1, true
		}
		at, i = step.next[s.values[len(s.values)-1].kind], end
	}
	return 0, false
}

// take finds the step whose text is at i, and reads the value behind it; end is
// -1 where the object ends with it. A step of which another one is the start is
// told from it by what follows: no value but null, {} or [].
func (f *fork) take(s *splitter, i int) (found *step, end int) {
	for n, step := range f.steps {
		to := i + len(step.text)
		if to > len(s.text) || string(s.text[i:to]) != step.text {
			continue
		}
		if to == len(s.text) {
			if step.last == 0 {
				continue
			}
			end = -1
		} else if end = s.scalar(to); end < 0 {
			continue
		}
		if n > 0 { // what comes often comes to the front
			f.steps[n-1], f.steps[n] = step, f.steps[n-1]
		}
		return step, end
	}
	return nil, 0
}

// learn adds the shape with a code.
func (k *known) learn(skeleton string, code uint32) {
	at := &k.root
	for {
		i := strings.IndexFunc(skeleton, isPlaceholder)
		if i < 0 {
			if s := k.step(at, skeleton); s != nil {
				s.last = code + 1
			}
			return
		}
		s := k.step(at, skeleton[:i])
		if s == nil {
			return
		}
		kind := Kind(skeleton[i])
		if s.next[kind] == nil {
			s.next[kind] = new(fork)
		}
		at, skeleton = s.next[kind], skeleton[i+1:]
	}
}

func isPlaceholder(r rune) bool { return r < ' ' }

// step finds or makes a step; nil where there is no room.
func (k *known) step(at *fork, text string) *step {
	for _, s := range at.steps {
		if s.text == text {
			return s
		}
	}
	if len(at.steps) == maxFork || k.steps == maxSteps {
		return nil
	}
	k.steps++
	at.steps = append(at.steps, &step{text: text})
	return at.steps[len(at.steps)-1]
}
