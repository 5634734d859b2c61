// The command-line client.

#include <iostream>

#include "client/cli/run.h"

int main(int argc, char** argv) {
  return latchkey::client::Run(argc, argv, std::cin, std::cout, std::cerr);
}
