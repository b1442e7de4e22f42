// SPDX-License-Identifier: Apache-2.0
// A tour: the residual net of Net.h, trained weights, 450 images.
#include "Net.h"
#include "Report.h"

using namespace weft;

int main(int argc, char **argv) {
  const std::string_view option = argc > 1 ? argv[1] : "";
  if (argc > 2 || (argc == 2 && option != "--explain"))
    return usage(argc == 2 && option == "--help");

  auto weights = load_safetensors(data("digits_resnet.safetensors"));
  auto test = load_safetensors(data("digits_test.safetensors"));
  if (!weights.ok() || !test.ok())
    return fail(weights.ok() ? test.status() : weights.status());
  digits::Net net;
  if (auto loaded = net.load_state_dict(*weights); !loaded.ok())
    return fail(loaded.status());

  // Nothing is computed until somebody asks: then all of it at once.
  Stopwatch stopwatch;
  Tensor images = (*test)["images"];
  Tensor logits = net(images);
  Tensor read = argmax(logits, 1);
  Tensor correct = sum(cast(read == cast((*test)["labels"], int32), int32));
  Tensor error = max(abs(logits - (*test)["logits_f64_reference"]));
  if (Status status = eval({read, correct, error}); !status.ok())
    return fail(status);
  const double first = stopwatch.milliseconds();

  show_images(images, read, 5);
  std::cout << *correct.item<int>() << " of 450 are right; logits differ from "
            << "double precision by " << *error.item<float>() << " at most\n";
  report(first, [&] { return net(images); });
  if (option == "--explain")
    explain_stages(net(images));
  return *error.item<float>() < 1e-4f ? EXIT_SUCCESS : EXIT_FAILURE;
}
