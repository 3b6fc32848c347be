// A program for the judge: see program.c.
#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

static void call(const std::string &address, const std::string &port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<unsigned short>(std::stoi(port)));
  inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  if (connect(socket(AF_INET, SOCK_STREAM, 0), reinterpret_cast<sockaddr *>(&to), sizeof to) != 0) {
    throw std::runtime_error("not connected");
  }
  std::cout << "connected\n";
}

int main() {
  std::string word, first, second;
  std::cin >> word >> first >> second;
  volatile bool forever = true;
  if (word == "add") {
    std::cout << std::stoi(first) + std::stoi(second) << "\n";
  } else if (word == "wrong") {
    std::cout << "41\n";
  } else if (word == "slow") {
    while (forever) {
    }
  } else if (word == "greedy") {
    for (std::vector<std::string> all;;) {
      all.push_back(std::string(1 << 20, 'x'));
    }
  } else if (word == "crash") {
    throw std::runtime_error("crashed");
  } else if (word == "fork") {
    while (forever) {
      fork();
    }
  } else if (word == "flood") {
    while (forever) {
      std::cout << "again" << std::endl;
    }
  } else if (word == "read") {
    std::ifstream file(first);
    if (!file) {
      return 1;
    }
    std::cout << file.rdbuf();
  } else if (word == "call") {
    call(first, second);
  } else if (word == "daemon") {
    if (fork() == 0) {
      setsid();
      while (forever) {
      }
    }
    std::cout << "left\n";
  } else if (word == "ignore") {
    for (int number = 1; number <= 64; number++) {
      std::signal(number, SIG_IGN);
    }
    while (forever) {
    }
  }
}
