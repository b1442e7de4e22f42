# SPDX-License-Identifier: Apache-2.0
# The example networks of docs/examples, in PyTorch, with the same parameters.
import torch
from torch import nn
from torch.nn import functional as F


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 1024), nn.Linear(1024, 1024), nn.Linear(1024, 10)

    def forward(self, x):
        return self.fc3(F.gelu(self.fc2(F.gelu(self.fc1(x)))))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).reshape(batch, tokens, width))


class Encoder(nn.Module):
    def __init__(self, width=768, heads=12):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


def from_torchvision(name):
    import torchvision

    return getattr(torchvision.models, name)()


IMAGE = (3, 224, 224)
NETWORKS = {
    "mlp": (MLP, (784,)),
    "encoder": (Encoder, (512, 768)),
    "mobilenet_v2": (lambda: from_torchvision("mobilenet_v2"), IMAGE),
    "resnet18": (lambda: from_torchvision("resnet18"), IMAGE),
    "resnet50": (lambda: from_torchvision("resnet50"), IMAGE),
}


def make(name):
    """A network with weights and running statistics that are not trivial."""
    torch.manual_seed(0)
    net = NETWORKS[name][0]().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1)
            nn.init.normal_(module.bias, 0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    return net
