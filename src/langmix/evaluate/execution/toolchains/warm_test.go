// Compiled once per harness, so that the packages that programs most often import are in the build cache.
package warm

import (
	"bytes"
	"container/heap"
	"crypto/md5"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestWarm(t *testing.T) {
	_ = fmt.Sprint(math.Pi, rand.Int(), os.Args, time.Now(), reflect.TypeOf(t), unicode.MaxRune)
	_ = fmt.Sprint(regexp.QuoteMeta(""), strconv.Itoa(1), strings.ToUpper(""), errors.New(""), utf8.RuneError)
	_ = fmt.Sprint(bytes.NewBufferString(""), big.NewInt(1), md5.Sum(nil))
	_, _ = heap.Pop, sort.IsSorted
}
