package figures

import (
	"fmt"
	"slices"
)

// Median sorts its argument, which must not be empty.
func Median(values []float64) float64 {
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 0 {
		return (values[half-1] + values[half]) / 2
	}
	return values[half]
}

// Spread prints median (least-greatest) of figures, of which there is one.
func Spread(values []float64) string {
	median := Median(values)
	return fmt.Sprintf("%s (%s-%s)", Digits(median), Digits(values[0]), Digits(values[len(values)-1]))
}

// Digits prints three digits.
func Digits(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x == float64(int(x)):
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
