package main

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var placeholder = regexp.MustCompile(`\{(num|text):(\w+)\}`)

// expand puts an engine's spelling of payload fields into a question.
func expand(q string, num, text string) string {
	return placeholder.ReplaceAllStringFunc(q, func(m string) string {
		p := placeholder.FindStringSubmatch(m)
		form := text
		if p[1] == "num" {
			form = num
		}
		return strings.ReplaceAll(form, "?", p[2])
	})
}

// askSQL runs a question and spells its answer.
func askSQL(ctx context.Context, db *sql.DB, q, shape string) (string, error) {
	rows, err := db.QueryContext(ctx, q)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var out []string
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return "", err
		}
		out = append(out, spell(values, shape))
	}
	return answerOf(out, shape), rows.Err()
}

func spell(values []any, shape string) string {
	switch shape {
	case "pairs":
		return fmt.Sprintf("%v=%s", *values[0].(*any), number(*values[1].(*any)))
	case "number":
		return number(*values[0].(*any))
	}
	return ""
}

func number(v any) string {
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strconv.FormatFloat(f, 'f', 3, 64)
}

func answerOf(rows []string, shape string) string {
	if shape == "rows" {
		return fmt.Sprintf("%d rows", len(rows))
	}
	slices.Sort(rows)
	return strings.Join(rows, " ")
}
