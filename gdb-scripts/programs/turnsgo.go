// SPDX-License-Identifier: GPL-3.0-only
// turnsgo N: N goroutines, each with a thread of its own, that take turns, panic, and then all run at once.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

var count, sum int64
var met int64

//go:noinline
func visit(number int64, round int64) int64 {
	part := number*10 + round
	sum += part
	return sum
}

//go:noinline
func refuse(number int64) {
	defer func() { sum += recover().(int64) }()
	panic(number)
}

//go:noinline
func meet(number int64) {
	atomic.AddInt64(&met, number+1)
}

//go:noinline
func done(total int64) {
	fmt.Printf("%d, %d\n", total, met)
}

var over = make(chan struct{})

func work(number int64, turns []chan int) {
	runtime.LockOSThread()
	for round := int64(0); round < 3; round++ {
		<-turns[number]
		visit(number, round)
		if round == 1 {
			refuse(number)
		}
		turns[(number+1)%count] <- 0
	}
	// Nobody meets before all have had their turns.
	if number == count-1 {
		close(over)
	}
	<-over
	for i := 0; i < 2; i++ {
		meet(number)
	}
}

// The first goroutine has the first thread.
func init() { runtime.LockOSThread() }

func main() {
	count = 1
	if len(os.Args) > 1 {
		count, _ = strconv.ParseInt(os.Args[1], 10, 64)
	}
	turns := make([]chan int, count)
	for i := range turns {
		turns[i] = make(chan int, 1)
	}
	var all sync.WaitGroup
	for i := int64(1); i < count; i++ {
		all.Add(1)
		go func(number int64) {
			work(number, turns)
			all.Done()
		}(i)
	}
	turns[0] <- 0
	work(0, turns)
	all.Wait()
	done(sum)
}
