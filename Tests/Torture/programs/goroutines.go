// SPDX-License-Identifier: GPL-3.0-only

// Goroutines over channels, selects, timers and mutexes; garbage collection meanwhile; loops without calls that
// only a signal can preempt; nil dereferences recovered; panics through many frames; finalizers.
package main

import (
	"fmt"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) count() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

func nilDereference(t *tree) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	return fmt.Sprint(t.left)
}

func panics(depth int) int {
	defer func() { depth++ }()
	if depth == 0 {
		panic("deep")
	}
	return panics(depth-1) + 1
}

func recovered(depth int) (result string) {
	defer func() { result = fmt.Sprint(recover()) }()
	panics(depth)
	return "none"
}

// grows the stack, which the runtime then copies to another place
func recurse(n int, room [16]int) int {
	if n == 0 {
		return room[3]
	}
	room[n%16] = n
	return recurse(n-1, room) + room[n%16]
}

func main() {
	runtime.GOMAXPROCS(4)
	var group sync.WaitGroup
	numbers := make(chan int)
	total := make(chan int)
	go func() {
		sum := 0
		for number := range numbers {
			sum += number
		}
		total <- sum
	}()
	for i := 0; i < 200; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for j := 0; j < 50; j++ {
				numbers <- i * j
				if j%10 == 0 {
					time.Sleep(time.Microsecond)
				}
			}
		}(i)
	}
	spun := make([]uint64, 4)
	for k := range spun {
		group.Add(1)
		go func(k int) {
			defer group.Done()
			x := uint64(k + 1)
			for i := 0; i < 60000000; i++ {
				x = x*6364136223846793005 + 1442695040888963407
			}
			spun[k] = x
		}(k)
	}
	nodes := 0
	for i := 0; i < 10; i++ {
		nodes += grow(15).count()
		runtime.GC()
	}
	ticker := time.NewTicker(time.Millisecond)
	for i := 0; i < 20; i++ {
		<-ticker.C
	}
	group.Wait()
	close(numbers)
	fmt.Println(<-total, nodes, spun)

	for i := 0; i < 2000; i++ {
		if text := nilDereference(nil); !strings.Contains(text, "nil pointer") {
			panic(text)
		}
		if text := recovered(i % 60); text != "deep" {
			panic(text)
		}
	}
	var finalized int64
	for i := 0; i < 1000; i++ {
		object := &tree{left: &tree{}}
		runtime.SetFinalizer(object, func(*tree) { atomic.AddInt64(&finalized, 1) })
	}
	for i := 0; i < 50 && atomic.LoadInt64(&finalized) < 900; i++ {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	fmt.Println(atomic.LoadInt64(&finalized) >= 900, recurse(20000, [16]int{}))

	var lock sync.RWMutex
	table := map[string]int{}
	for i := 0; i < 16; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for j := 0; j < 2000; j++ {
				key := fmt.Sprintf("key %d", (i*j)%97)
				lock.Lock()
				table[key] += j
				lock.Unlock()
				lock.RLock()
				_ = table["key 5"]
				lock.RUnlock()
			}
		}(i)
	}
	group.Wait()
	keys := []string{}
	sum := 0
	for key, value := range table {
		keys = append(keys, key)
		sum += value
	}
	sort.Strings(keys)
	fmt.Println(len(keys), keys[:5], sum)

	results := make(chan int, 10)
	timeout := time.After(20 * time.Second)
	for i := 0; i < 10; i++ {
		go func(i int) {
			select {
			case <-time.After(time.Duration(10-i) * time.Millisecond):
				results <- i
			case <-timeout:
				results <- -100
			}
		}(i)
	}
	sum = 0
	for i := 0; i < 10; i++ {
		sum += <-results
	}
	fmt.Println(sum)
}
