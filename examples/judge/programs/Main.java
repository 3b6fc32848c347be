// A program for the judge: see program.c.
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Scanner;

class Main {
  static void forever() {
    for (;;) {
      Thread.onSpinWait();
    }
  }

  static void fork() {
    for (;;) {
      try {
        new ProcessBuilder("sleep", "600").start();
      } catch (Exception refused) {
        continue;
      }
    }
  }

  static void ignoreSignals() {
    for (String name : new String[] {"TERM", "INT", "HUP", "USR2", "XCPU", "PIPE"}) {
      try {
        sun.misc.Signal.handle(new sun.misc.Signal(name), sun.misc.SignalHandler.SIG_IGN);
      } catch (IllegalArgumentException kept) {
        continue; // the virtual machine keeps it for itself
      }
    }
  }

  public static void main(String[] args) throws Exception {
    String[] words = (new Scanner(System.in).nextLine() + " - -").split(" ");
    String first = words[1], second = words[2];
    switch (words[0]) {
      case "add" -> System.out.println(Integer.parseInt(first) + Integer.parseInt(second));
      case "wrong" -> System.out.println(41);
      case "slow" -> forever();
      case "greedy" -> {
        for (var all = new ArrayList<byte[]>();;) {
          all.add(new byte[1 << 20]);
        }
      }
      case "crash" -> throw new IllegalStateException("crashed");
      case "fork" -> fork();
      case "flood" -> {
        for (;;) {
          System.out.println("again");
        }
      }
      case "read" -> System.out.println(Files.readString(Path.of(first)));
      case "call" -> {
        new Socket(first, Integer.parseInt(second));
        System.out.println("connected");
      }
      case "daemon" -> {
        new ProcessBuilder("setsid", "sh", "-c", "while :; do :; done").start();
        System.out.println("left");
      }
      case "ignore" -> {
        ignoreSignals();
        forever();
      }
    }
  }
}
