package event_test

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firnlog/firn/event"
)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-31T15:04:05Z":                "2026-01-31T15:04:05.000Z",
		"2026-01-31t15:04:05z":                "2026-01-31T15:04:05.000Z",
		"2026-01-31T15:04:05.1Z":              "2026-01-31T15:04:05.100Z",
		"2026-01-31T15:04:05.123456789Z":      "2026-01-31T15:04:05.123456Z",
		"2026-01-31T15:04:05.999999999+00:00": "2026-01-31T15:04:05.999999Z",
		"1969-12-31T23:59:59.9999999Z":        "1969-12-31T23:59:59.999999Z",
		"2026-01-01T00:30:00+14:00":           "2025-12-31T10:30:00.000Z",
		"2026-01-01T00:30:00-00:30":           "2026-01-01T01:00:00.000Z",
		"2024-02-29T00:00:00Z":                "2024-02-29T00:00:00.000Z",
		"2000-02-29T00:00:00Z":                "2000-02-29T00:00:00.000Z",
		"0000-01-01T00:00:00Z":                "0000-01-01T00:00:00.000Z",
		"9999-12-31T23:59:59.999999Z":         "9999-12-31T23:59:59.999999Z",
		"2016-12-31T23:59:60Z":                "2017-01-01T00:00:00.000Z",
		"2017-01-01T08:59:60.5+09:00":         "2017-01-01T00:00:00.000Z",
	} {
		micros, err := event.ParseTime(text)
		if err != nil {
			t.Errorf("%s %v", text, err)
		}
		if got := string(event.AppendMicros(nil, micros)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestParseTimeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "is not a time",
		"2026-01-31":                          "is not a time",
		"2026-01-31 15:04:05Z":                "is not a time",
		"2026-01-31T15:04:05,5Z":              "has no zone",
		"2026-1-31T15:04:05.000Z":             "is not a time",
		"+026-01-31T15:04:05Z":                "is not a time",
		"2026-01-31T15:04:05.Z":               "is not a time",
		"2026-01-31T15:04:05.1234567890Z":     "has more than 9 fraction digits",
		"2026-01-31T15:04:05.000":             "has no zone",
		"2026-01-31T15:04:05+0200":            "has no zone",
		"2026-01-31T15:04:05+24:00":           "has no zone",
		"2026-01-31T15:04:05+02:60":           "has no zone",
		"2026-01-31T15:04:05 Z":               "has no zone",
		"2026-01-31T15:04:05Zx":               "has no zone",
		"2026-13-31T15:04:05Z":                "has a month",
		"2026-00-31T15:04:05Z":                "has a month",
		"2026-04-31T15:04:05Z":                "has a day",
		"2026-04-00T15:04:05Z":                "has a day",
		"1900-02-29T15:04:05Z":                "has a day",
		"2026-01-31T24:00:00Z":                "has a time of day",
		"2026-01-31T15:60:00Z":                "has a time of day",
		"2026-01-31T15:04:61Z":                "has a time of day",
		"2026-01-31T15:04:60Z":                "has a time of day",
		"2026-01-31T23:59:60+01:00":           "has a time of day",
		"0000-01-01T00:00:00+00:01":           "is outside the years 0 to 9999",
		"9999-12-31T23:59:59.999999999-00:01": "is outside the years 0 to 9999",
		"9999-12-31T23:59:60Z":                "is outside the years 0 to 9999",
	} {
		if micros, err := event.ParseTime(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %d, %v; want %s", text, micros, err, want)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2026-01-31T15:04:05.123456789+02:00")
	f.Add("2016-12-31T23:59:60Z")
	f.Fuzz(func(t *testing.T, text string) {
		micros, err := event.ParseTime(text)
		if err != nil {
			return
		}
		if len(text) > 17 && text[17] == '6' {
			return // Go knows no leap seconds
		}
		want, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
		if err != nil || want.UnixMicro() != micros {
			t.Errorf("%q: %d, package time says %d, %v", text, micros, want.UnixMicro(), err)
		}
	})
}

func TestTimesMatchPackageTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-62_167_219_200_000_000, 253_402_300_799_999_999).Draw(t, "micros")
		at := time.UnixMicro(micros).UTC()
		layout := "2006-01-02T15:04:05.000000Z"
		if micros%1000 == 0 {
			layout = "2006-01-02T15:04:05.000Z"
		}
		text := event.FormatTime(at)
		if want := at.Format(layout); text != want {
			t.Fatalf("AppendTime: %s, want %s", text, want)
		}
		if got, want := string(event.AppendMillis(nil, at.UnixMilli())), at.Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Fatalf("AppendMillis: %s, want %s", got, want)
		}
		if back, err := event.ParseTime(text); err != nil || back != micros {
			t.Fatalf("%s: %d, %v", text, back, err)
		}
		zone := time.FixedZone("", 60*rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "minutes east"))
		text = at.In(zone).Format(time.RFC3339Nano)
		if year := at.In(zone).Year(); year >= 0 && year <= 9999 {
			if back, err := event.ParseTime(text); err != nil || back != micros {
				t.Fatalf("%s: %d, want %d, %v", text, back, micros, err)
			}
		}
	})
}

// TestTimesBeyondRFC3339: nothing panics, and what is written is the time.
func TestTimesBeyondRFC3339(t *testing.T) {
	for _, n := range []int64{math.MinInt64, math.MaxInt64, -62_167_219_200_000_001, 253_402_300_800_000_000} {
		for _, got := range []string{string(event.AppendMicros(nil, n)), string(event.AppendMillis(nil, n))} {
			if !strings.HasSuffix(got, "Z") {
				t.Errorf("%d: %s", n, got)
			}
		}
	}
}

func TestParseEpochMillis(t *testing.T) {
	for literal, want := range map[string]int64{
		"0": 0, "-0": 0, "-0.0e5": 0, "1769871845123": 1769871845123000, "1769871845123.4567": 1769871845123456,
		"1.769871845123e12": 1769871845123000, "17698718451234E-1": 1769871845123400, "0.0019": 1, "-0.0019": -2, "-0.001": -1,
		"1e-1000": 0, "-1e-1000": -1, "253402300799999": 253402300799999000, "253402300799999.9999": 253402300799999999,
		"-62167219200000": -62167219200000000, "00": -1e18, "1e15": -1e18, "1e1000": -1e18, "-62167219200000.0001": -1e18,
		"": -1e18, "+1": -1e18, "x": -1e18, "1 ": -1e18, "99999999999999999999": -1e18, "0x10": -1e18, "1_0": -1e18,
	} {
		const refused = -1e18
		got, err := event.ParseEpochMillis(literal)
		if (err != nil) != (want == refused) || err == nil && got != want {
			t.Errorf("%q: %d, %v, want %d", literal, got, err, want)
		}
	}
}

func TestParseEpochMillisIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		literal := rapid.StringMatching(`-?(0|[1-9][0-9]{0,16})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "literal")
		value, _ := new(big.Rat).SetString(literal)
		value.Mul(value, big.NewRat(1000, 1))
		floor := new(big.Int).Div(value.Num(), value.Denom()) // Euclidean, and the denominator is positive
		got, err := event.ParseEpochMillis(literal)
		inRange := floor.IsInt64() && floor.Int64() >= -62_167_219_200_000_000 && floor.Int64() <= 253_402_300_799_999_999
		if inRange != (err == nil) || inRange && got != floor.Int64() {
			t.Fatalf("%s: %d, %v, want %v", literal, got, err, floor)
		}
	})
}
