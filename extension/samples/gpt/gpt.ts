// The net: a GPT as small as can be. It reads letters and gives, at each place, scores for the letter that comes next.

import { arange, nn, type Tensor } from "descent";

const F = nn.functional;

export interface Sizes {
  /** How many different letters there are. */
  letters: number;
  /** How many letters it sees at once. */
  context: number;
  width: number;
  heads: number;
  layers: number;
}

/** Each place looks back at the places before it and takes from them what it needs. */
class Attention extends nn.Module {
  readonly heads: number;
  project: nn.Linear;
  output: nn.Linear;

  constructor(width: number, heads: number) {
    super();
    this.heads = heads;
    this.project = new nn.Linear(width, 3 * width);
    this.output = new nn.Linear(width, width);
  }

  /** [N, T, width] → [N, T, width] */
  forward(x: Tensor): Tensor {
    const [N, T, width] = x.shape as [number, number, number];
    // What each place asks for, what it answers to, and what it has to give: [N, heads, T, width / heads] each.
    const [query, key, value] = this.project
      .forward(x)
      .chunk(3, -1)
      .map((part) => part.view(N, T, this.heads, width / this.heads).transpose(1, 2)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const taken = F.scaledDotProductAttention(query, key, value, { isCausal: true });
    return this.output.forward(taken.transpose(1, 2).reshape(N, T, width));
  }
}

/** First the places speak with each other, then each thinks for itself. */
class Block extends nn.Module {
  norm1: nn.LayerNorm;
  attention: Attention;
  norm2: nn.LayerNorm;
  think: nn.Sequential;

  constructor({ width, heads }: Sizes) {
    super();
    this.norm1 = new nn.LayerNorm(width);
    this.attention = new Attention(width, heads);
    this.norm2 = new nn.LayerNorm(width);
    this.think = new nn.Sequential(
      new nn.Linear(width, 4 * width),
      new nn.GELU(),
      new nn.Linear(4 * width, width),
    );
  }

  forward(x: Tensor): Tensor {
    const spoken = x.add(this.attention.forward(this.norm1.forward(x)));
    return spoken.add(this.think.forward(this.norm2.forward(spoken)));
  }
}

export class GPT extends nn.Module {
  letters: nn.Embedding;
  places: nn.Embedding;
  blocks: nn.Sequential;
  norm: nn.LayerNorm;
  head: nn.Linear;

  constructor(sizes: Sizes) {
    super();
    this.letters = new nn.Embedding(sizes.letters, sizes.width);
    this.places = new nn.Embedding(sizes.context, sizes.width);
    this.blocks = new nn.Sequential(...Array.from({ length: sizes.layers }, () => new Block(sizes)));
    this.norm = new nn.LayerNorm(sizes.width);
    this.head = new nn.Linear(sizes.width, sizes.letters);
    // Small numbers at first, so that no letter is preferred.
    for (const parameter of this.parameters()) if (parameter.ndim === 2) nn.init.normal_(parameter, 0, 0.05);
  }

  /** Numbers of letters, int64 [N, T] → scores of the next letter [N, T, letters] */
  forward(x: Tensor): Tensor {
    const places = arange(0, x.size(1), 1, { dtype: "int64" });
    const meaning = this.letters.forward(x).add(this.places.forward(places));
    return this.head.forward(this.norm.forward(this.blocks.forward(meaning)));
  }
}
