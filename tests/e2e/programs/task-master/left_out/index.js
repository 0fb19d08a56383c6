function leftOut() {}
export default leftOut;
export {
  leftOut as APICallError, leftOut as FastMCP, leftOut as LoadAPIKeyError, leftOut as NoSuchModelError,
  leftOut as createAmazonBedrock, leftOut as createAnthropic, leftOut as createAzure,
  leftOut as createClaudeCode, leftOut as createClient, leftOut as createCodexCli,
  leftOut as createGeminiProvider, leftOut as createGoogleGenerativeAI, leftOut as createGroq,
  leftOut as createOllama, leftOut as createOpenAI, leftOut as createOpenAICompatible,
  leftOut as createOpenRouter, leftOut as createPerplexity, leftOut as createVertex,
  leftOut as createXai, leftOut as fromNodeProviderChain, leftOut as generateId,
  leftOut as isAuthError, leftOut as smoothStream,
};
