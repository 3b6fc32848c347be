// A program for the judge: see program.c.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func greedy() {
	var all [][]byte
	for {
		part := make([]byte, 1<<20)
		for at := range part {
			part[at] = 1
		}
		all = append(all, part)
	}
}

func main() {
	var word, first, second string
	fmt.Scan(&word, &first, &second)
	switch word {
	case "add":
		a, _ := strconv.Atoi(first)
		b, _ := strconv.Atoi(second)
		fmt.Println(a + b)
	case "wrong":
		fmt.Println(41)
	case "slow":
		for {
		}
	case "greedy":
		greedy()
	case "crash":
		panic("crashed")
	case "fork":
		for {
			exec.Command("sleep", "600").Start()
		}
	case "flood":
		for {
			fmt.Println("again")
		}
	case "read":
		text, err := os.ReadFile(first)
		check(err)
		fmt.Print(string(text))
	case "call":
		_, err := net.Dial("tcp", net.JoinHostPort(first, second))
		check(err)
		fmt.Println("connected")
	case "daemon":
		daemon := exec.Command("sh", "-c", "while :; do :; done")
		daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		check(daemon.Start())
		fmt.Println("left")
	case "ignore":
		signal.Ignore()
		for {
		}
	}
}
