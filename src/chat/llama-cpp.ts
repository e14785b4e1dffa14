/** The part of node-llama-cpp's interface that MediX uses; the package is not installed with MediX. */

export type Token = number;

export type LlamaCppModule = {
  getLlama(options: Readonly<Record<string, unknown>>): Promise<Llama>;
  getModuleVersion(): Promise<string>;
  readonly LlamaGrammarEvaluationState: new (options: {
    readonly model: LlamaModel;
    readonly grammar: LlamaGrammar;
  }) => object;
};

type Llama = {
  loadModel(options: { readonly modelPath: string }): Promise<LlamaModel>;
  createGrammarForJsonSchema(schema: Readonly<Record<string, unknown>>): Promise<LlamaGrammar>;
  dispose(): Promise<void>;
};

/** Opaque. */
export type LlamaGrammar = object;

export type LlamaModel = {
  readonly fileInfo: {
    readonly metadata: { readonly tokenizer?: { readonly chat_template?: string } };
  };
  readonly tokens: {
    readonly bos: Token | null;
    readonly bosString: string | null;
    readonly eosString: string | null;
    readonly shouldPrependBosToken: boolean;
  };
  /** @param specialTokens Whether text that reads like a control token becomes one. */
  tokenize(text: string, specialTokens: boolean): Token[];
  detokenize(tokens: readonly Token[]): string;
  createContext(options: {
    readonly contextSize: number;
    readonly sequences: number;
  }): Promise<LlamaContext>;
  dispose(): Promise<void>;
};

type LlamaContext = {
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
};

export type LlamaSequence = {
  clearHistory(): Promise<void>;
  /** Ends at the end-of-turn token, which it does not yield. Probabilities come in falling order. */
  evaluateWithMetadata(
    tokens: readonly Token[],
    metadata: { readonly probabilities: boolean },
    options: Readonly<Record<string, unknown>>,
  ): AsyncIterable<{ readonly token: Token; readonly probabilities?: ReadonlyMap<Token, number> }>;
};
