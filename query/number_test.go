package query

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustNumber(t interface{ Fatalf(string, ...any) }, text string) Number {
	n, err := ParseNumber(text)
	if err != nil {
		t.Fatalf("ParseNumber(%q): %v", text, err)
	}
	return n
}

func TestNumberCompare(t *testing.T) {
	// Each line holds spellings of one number; lines ascend.
	ascending := [][]string{
		{"-1e1000000"}, {"-1e400"}, {"-9223372036854775809"}, {"-9223372036854775808", "-9223372036854775808.0"}, {"-1.5", "-15e-1", "-0.15e1"},
		{"-1", "-1.000", "-10e-1"}, {"-1e-400"}, {"0", "-0", "0.0", "0e5", "-0e-999999"}, {"1e-400"}, {"0.1", "0.1000", "1e-1", "1E-01", "0.01e1"},
		{"0.1000000000000000055511151231257827"}, {"0.30000000000000000"}, {"0.30000000000000004"}, {"1", "1e0", "1.0"},
		{"999.999999999999999999999"}, {"1000", "1e3", "1E+3", "10.00e2"}, {"9007199254740992"}, {"9007199254740993", "9007199254740993.0"},
		{"9223372036854775807"}, {"9223372036854775808"}, {"18446744073709551616"}, {"18446744073709551617"}, {"1e300"}, {"1e400", "10e399"}, {"1e1000000"},
	}
	for i, line := range ascending {
		for j, other := range ascending {
			for _, a := range line {
				for _, b := range other {
					want := compareInts(int64(i), int64(j))
					if got := mustNumber(t, a).Compare(mustNumber(t, b)); got != want {
						t.Errorf("%s compared with %s: got %d, want %d", a, b, got, want)
					}
					if same := mustNumber(t, a).String() == mustNumber(t, b).String(); same != (want == 0) {
						t.Errorf("%s and %s: same key is %v", a, b, same)
					}
				}
			}
		}
	}
}

func TestNumberRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1 ", " 1", "0x1", "NaN", "Infinity", "1,0", "--1", "1e1.5", "-01"} {
		if n, err := ParseNumber(text); err == nil {
			t.Errorf("ParseNumber(%q) = %v, want an error", text, n)
		}
	}
}

func TestNumberInt(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "1000": 1000, "1e3": 1000, "1000.0": 1000, "-12": -12, "1.20e1": 12,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64, "9223372036854775807.000": math.MaxInt64,
	} {
		if got, ok := mustNumber(t, text).Int(); !ok || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"0.5", "9223372036854775808", "-9223372036854775809", "9223372036854775807.1", "1e19", "1e400", "1e-1", "18446744073709551616"} {
		if got, ok := mustNumber(t, text).Int(); ok {
			t.Errorf("%s: got %d, want none", text, got)
		}
	}
}

func TestNumberIsInteger(t *testing.T) {
	for text, want := range map[string]bool{"1": true, "-0": true, "18446744073709551616": true, "1e3": false, "1.0": false, "0.5": false} {
		if got := mustNumber(t, text).IsInteger(); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for f, want := range map[float64]bool{1: true, 0.5: false, 1e300: true, -3e20: true} {
		if got := FloatNumber(f).IsInteger(); got != want {
			t.Errorf("%v: got %v", f, got)
		}
	}
}

func TestNumberString(t *testing.T) {
	for text, want := range map[string]string{
		"-0": "0", "1e3": "1000", "1.50": "1.5", "-12.0": "-12", "1e21": "1e+21", "1e20": "100000000000000000000", "1e-6": "0.000001",
		"1e-7": "1e-7", "1.25e-10": "1.25e-10", "123456789012345678901234567890": "1.2345678901234567890123456789e+29",
		"12345678901234567890": "12345678901234567890", "0.1000": "0.1", "1e400": "1e+400", "1234.5678e2": "123456.78",
	} {
		if got := mustNumber(t, text).String(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// literals makes number literals of every form.
func literals(t *rapid.T, label string) string {
	return rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?`).Draw(t, label)
}

func TestNumberAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := literals(t, "a"), literals(t, "b")
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		m, n := mustNumber(t, a), mustNumber(t, b)
		if got, want := m.Compare(n), x.Cmp(y); got != want {
			t.Fatalf("%s compared with %s: got %d, want %d", a, b, got, want)
		}
		if again := mustNumber(t, m.String()); again.Compare(m) != 0 {
			t.Fatalf("%s is printed as %s, another number", a, m)
		}
		i := rapid.Int64().Draw(t, "i")
		if got, want := m.CompareInt(i), x.Cmp(new(big.Rat).SetInt64(i)); got != want {
			t.Fatalf("%s compared with %d: got %d, want %d", a, i, got, want)
		}
		near, _ := x.Float64()
		if m.Float() != near {
			t.Fatalf("%s: nearest float is %v, want %v", a, m.Float(), near)
		}
		for _, f := range []float64{near, math.Nextafter(near, 1), math.Nextafter(near, -1), rapid.Float64().Draw(t, "f")} {
			z, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
			if got, want := m.CompareFloat(f), x.Cmp(z); got != want {
				t.Fatalf("%s compared with float %v: got %d, want %d", a, f, got, want)
			}
			if got := FloatNumber(f); got.Compare(mustNumber(t, strconv.FormatFloat(f, 'g', -1, 64))) != 0 {
				t.Fatalf("FloatNumber(%v) = %v", f, got)
			}
		}
		if whole, ok := m.Int(); ok != (x.IsInt() && x.Num().IsInt64()) || ok && x.Cmp(new(big.Rat).SetInt64(whole)) != 0 {
			t.Fatalf("%s: Int is %d, %v", a, whole, ok)
		}
	})
}

func TestIntNumberIsTheLiteral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.Int64().Draw(t, "i")
		if got, want := IntNumber(i), mustNumber(t, strconv.FormatInt(i, 10)); got != want {
			t.Fatalf("%d: %#v, want %#v", i, got, want)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, text := range []string{"0", "-0.0", "1e3", "9007199254740993", "1e-99999999999999", strings.Repeat("9", 50), "1.e1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseNumber(text)
		if err != nil {
			return
		}
		again, err := ParseNumber(n.String())
		if err != nil || again.Compare(n) != 0 || again.String() != n.String() {
			t.Errorf("%s is printed as %s, which is %s, %v", text, n, again, err)
		}
		if _, exponent, _ := strings.Cut(strings.ToLower(text), "e"); len(text) > 100 || len(exponent) > 3 {
			return // big.Rat would write all the zeros out
		}
		want, ok := new(big.Rat).SetString(text)
		got, printed := new(big.Rat).SetString(n.String())
		if !ok || !printed || got.Cmp(want) != 0 {
			t.Errorf("%s is printed as %s", text, n)
		}
	})
}
